using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>
/// A success counts keys: what arrived, what expired and what was evicted explain each other, or the result says what does not.
/// </summary>
public sealed class KeyAccountTests : IDisposable
{
    private const int First = 7;
    private const int Second = 9;

    private readonly Dictionary<int, long> _onTarget = new() { [First] = 20, [Second] = 5 };
    private readonly ScriptedNodes _nodes = new();
    private readonly ClusterConnections _connections;
    private readonly ClusterReader _reader;
    private readonly ClusterView _view;
    private long _evicted = 3;
    private long _expired = 10;
    private long _calls = 100;
    private bool _isSilent;

    public KeyAccountTests()
    {
        const string Before = "redis_version:8.6.3\nevicted_keys:3\nexpired_keys:10\ndb0:keys=25,expires=0";
        _view = ClusterScene.Stable().Reports("S", Before).Reports("T", Before).View();
        _connections = new ClusterConnections(_nodes);
        _reader = new ClusterReader(RedisClusterSession.Parse(Source.Name), _connections);
        _nodes.Node(Source.Name, command => command.ToString() == "INFO commandstats"
            ? RespValue.Bulk("cmdstat_get:calls=" + _calls + ",usec=1\r\n")
            : RespValue.Bulk("expired_keys:10\r\nevicted_keys:3\r\n"));
        _nodes.Node(Target.Name, command => _isSilent
            ? throw new RedisConnectionException(FailureCode.ConnectionFailed, Target.Line.Endpoint!.Value, "no answer", true)
            : command.Arguments.Count == 3
            ? RespValue.Number(_onTarget[int.Parse(System.Text.Encoding.ASCII.GetString(command.Arguments[2]))])
            : RespValue.Bulk("expired_keys:" + _expired + "\r\nevicted_keys:" + _evicted + "\r\n"));
    }

    private ClusterNode Source => _view.Node(ClusterScene.Id("S"))!;

    private ClusterNode Target => _view.Node(ClusterScene.Id("T"))!;

    [Fact]
    public async Task What_arrived_is_reported_if_the_servers_move_the_slots()
    {
        var accounts = await SettleAsync(isAtomic: true);
        Assert.All(accounts, account => Assert.Equal((null, null), (account.Remark, account.Failure)));
        Assert.Equal([20, 5], accounts.Select(account => account.Slot.Moved));
    }

    [Fact]
    public async Task Keys_that_the_target_did_not_take_are_a_failure()
    {
        _onTarget[First] = 15;
        var accounts = await SettleAsync(isAtomic: true);
        Assert.Equal((FailureCode.KeysMissing, "7"), (accounts[0].Failure!.Code, accounts[0].Failure!.Subject));
        Assert.StartsWith("Slot 7 belongs to " + Target.Name + ", but 5 of 20 keys are not there.", accounts[0].Failure!.Message);
        Assert.Equal(15, accounts[0].Slot.Moved);
        Assert.Null(accounts[1].Failure);
    }

    [Fact]
    public async Task Keys_that_clients_may_have_deleted_are_a_remark()
    {
        _onTarget[First] = 15;
        var accounts = await SettleAsync(isAtomic: true, () => _calls = 101);
        Assert.Null(accounts[0].Failure);
        Assert.StartsWith("5 of 20 keys that were counted before the move are not on " + Target.Name, accounts[0].Remark);
        Assert.Null(accounts[1].Remark);
    }

    [Fact]
    public async Task Expired_keys_are_no_loss()
    {
        (_onTarget[First], _expired) = (15, 15);
        Assert.All(await SettleAsync(isAtomic: true), account => Assert.Equal((null, null), (account.Remark, account.Failure)));
    }

    [Fact]
    public async Task A_key_that_expired_explains_one_missing_key_of_all_slots()
    {
        var account = new KeyAccount(_reader, Pair(isAtomic: true));
        await account.OpenAsync(default);
        (_onTarget[First], _onTarget[Second], _expired) = (15, 0, 15);
        var slots = Slots(moved: false);
        Assert.Null(Assert.Single(await account.SettleAsync([slots[0]], default)).Failure);
        Assert.Equal(FailureCode.KeysMissing, Assert.Single(await account.SettleAsync([slots[1]], default)).Failure!.Code);
    }

    [Fact]
    public async Task Slots_that_could_not_be_counted_are_counted_at_the_end()
    {
        var account = new KeyAccount(_reader, Pair(isAtomic: false));
        _isSilent = true;
        Assert.All(await account.SettleAsync(Slots(), default), each => Assert.Equal((null, null), (each.Remark, each.Failure)));
        (_isSilent, _onTarget[First], _evicted) = (false, 15, 9);
        Assert.Equal("7", Assert.Single(await account.CloseAsync(default)).Failure!.Subject);
    }

    [Fact]
    public async Task Slots_that_the_servers_moved_are_counted_at_the_end_even_if_nothing_was_evicted()
    {
        var account = new KeyAccount(_reader, Pair(isAtomic: true));
        await account.OpenAsync(default);
        _isSilent = true;
        Assert.All(await account.SettleAsync(Slots(moved: false), default), each => Assert.Contains("was not asked", each.Remark));
        (_isSilent, _onTarget[First]) = (false, 15);
        Assert.Equal("7", Assert.Single(await account.CloseAsync(default)).Failure!.Subject);
    }

    [Fact]
    public async Task Evicted_keys_are_a_failure_with_numbers()
    {
        (_onTarget[First], _evicted) = (15, 1003);
        var accounts = await SettleAsync(isAtomic: false);
        Assert.Equal(
            "Slot 7 belongs to " + Target.Name + ", but 5 of 20 keys are not there. " + Target.Name
                + " has evicted 1000 keys since the run began.",
            accounts[0].Failure!.Message);
        Assert.Null(accounts[1].Failure);
    }

    [Fact]
    public async Task Keys_are_counted_only_if_there_is_a_reason()
    {
        _onTarget[First] = 15;
        Assert.All(await SettleAsync(isAtomic: false), account => Assert.Equal((null, null), (account.Remark, account.Failure)));
        Assert.DoesNotContain(_nodes.Asked, asked => asked.Contains("COUNTKEYSINSLOT"));
        Assert.Single(_nodes.Asked);
    }

    [Fact]
    public async Task Keys_that_are_evicted_after_a_result_are_reported_at_the_end()
    {
        var account = new KeyAccount(_reader, Pair(isAtomic: false));
        await account.SettleAsync(Slots(), default);
        Assert.Empty(await account.CloseAsync(default));
        (_onTarget[First], _onTarget[Second], _evicted) = (15, 4, 9);
        var lost = await account.CloseAsync(default);
        Assert.Equal([First, Second], lost.Select(each => each.Slot.Slot));
        Assert.Same(lost[0].Failure, lost[1].Failure);
        Assert.Equal(
            "Slots 7,9 belong to " + Target.Name + ", but 6 of 25 keys are not there. " + Target.Name
                + " has evicted 6 keys since the run began.",
            lost[0].Failure!.Message);
    }

    [Fact]
    public async Task An_eviction_that_a_later_slot_showed_is_reported_for_earlier_slots_too()
    {
        var account = new KeyAccount(_reader, Pair(isAtomic: false));
        var slots = Slots();
        await account.SettleAsync([slots[0]], default);
        (_onTarget[First], _evicted) = (19, 4);
        Assert.Null((await account.SettleAsync([slots[1]], default))[0].Failure);
        var lost = Assert.Single(await account.CloseAsync(default)).Failure!;
        Assert.StartsWith("Slot 7 belongs to " + Target.Name + ", but 1 of 20 keys is not there.", lost.Message);
    }

    public void Dispose() => _connections.Dispose();

    private async Task<IReadOnlyList<SlotAccount>> SettleAsync(bool isAtomic, Action? meanwhile = null)
    {
        var account = new KeyAccount(_reader, Pair(isAtomic));
        if (isAtomic)
            await account.OpenAsync(default);
        meanwhile?.Invoke();
        return await account.SettleAsync(isAtomic ? Slots(moved: false) : Slots(), default);
    }

    private MasterPair Pair(bool isAtomic) => new(Source, Target, [], isAtomic);

    private static SlotMove[] Slots(bool moved = true) =>
        [new SlotMove(First, 20) { Moved = moved ? 20 : 0 }, new SlotMove(Second, 5) { Moved = moved ? 5 : 0 }];
}
