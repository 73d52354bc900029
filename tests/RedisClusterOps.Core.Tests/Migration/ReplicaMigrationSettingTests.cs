using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Journal;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>The journal lists a node only while a run has really changed cluster-allow-replica-migration on it.</summary>
public sealed class ReplicaMigrationSettingTests : IDisposable
{
    private const string Endpoint = "10.0.0.1:6379";
    private static readonly string[] Lines =
    [
        TestJournal.NodeA + " 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-9",
        TestJournal.NodeB + " 10.0.0.2:6379@16379 master - 0 0 2 connected 10-16383",
    ];

    private readonly TestJournal _journal = new();
    private readonly List<string> _sets = [];
    private string _value = "yes";
    private Func<string, RespValue?> _refuses = _ => null;

    [Fact]
    public async Task A_setting_that_the_user_may_not_read_is_not_journaled_as_changed()
    {
        _refuses = command =>
            command.StartsWith("CONFIG GET", StringComparison.Ordinal)
                ? RespValue.Error("NOPERM no permissions to run 'config|get'")
                : null;
        await SuppressAsync(restore: false);
        Assert.Empty(_sets);
        Assert.Empty(SuppressedInJournal());
    }

    [Fact]
    public async Task A_setting_that_the_server_refuses_to_change_is_not_journaled_as_changed()
    {
        _refuses = command =>
            command.StartsWith("CONFIG SET", StringComparison.Ordinal)
                ? RespValue.Error("NOPERM no permissions to run 'config|set'")
                : null;
        await SuppressAsync(restore: false);
        Assert.Empty(SuppressedInJournal());
    }

    [Fact]
    public async Task A_setting_that_was_no_before_stays_and_is_not_journaled()
    {
        _value = "no";
        await SuppressAsync(restore: true);
        Assert.Empty(_sets);
        Assert.Empty(SuppressedInJournal());
    }

    [Fact]
    public async Task A_setting_that_was_changed_is_journaled_until_it_is_restored()
    {
        await SuppressAsync(restore: false);
        Assert.Equal(["no"], _sets);
        Assert.Equal([TestJournal.NodeA], SuppressedInJournal());
    }

    // Otherwise a later resume of the run would overwrite the value that an administrator has set since.
    [Fact]
    public async Task A_setting_that_was_restored_is_no_longer_journaled_as_changed()
    {
        await SuppressAsync(restore: true);
        Assert.Equal(["no", "yes"], _sets);
        Assert.Empty(SuppressedInJournal());
    }

    public void Dispose() => _journal.Dispose();

    private string[] SuppressedInJournal() => [.. _journal.Only().Slots.SelectMany(slot => slot.SuppressedNodes)];

    private async Task SuppressAsync(bool restore)
    {
        var nodes = new ScriptedNodes().Node(Endpoint, Answer).Node(
            "10.0.0.2:6379", Lines[0].Replace("myself,", string.Empty), Lines[1].Replace("master", "myself,master"));
        using var connections = new ClusterConnections(nodes);
        var reader = new ClusterReader(RedisClusterSession.Parse(Endpoint), connections);
        var view = await reader.ReadAsync(null, default);
        var pair = new MasterPair(
            view.Node(TestJournal.NodeA)!,
            view.Node(TestJournal.NodeB)!,
            [.. Enumerable.Range(0, 10).Select(slot => new SlotMove(slot, 0))],
            isAtomic: false);
        using var run = _journal.Begin(MigrationOperation.Undo);
        run.Intend(TestJournal.Entry(0, MigrationOperation.Undo), Enumerable.Range(0, 10));
        using var log = new OperationLog();
        using var stop = new StopRequest(SystemClock.Instance, default);
        var suppression = new ReplicaMigrationSuppression(reader, view, [pair], [], run, log);
        await suppression.SuppressAsync(stop);
        if (restore)
            await suppression.RestoreAsync(stop);
    }

    private RespValue Answer(RespCommand command)
    {
        var text = command.ToString();
        if (_refuses(text) is { } refusal)
            return refusal;
        if (text.StartsWith("CONFIG SET cluster-allow-replica-migration ", StringComparison.Ordinal))
        {
            _sets.Add(_value = text.Split(' ')[^1]);
            return RespValue.Simple("OK");
        }

        return text switch
        {
            "CONFIG GET cluster-allow-replica-migration" =>
                RespValue.Array([RespValue.Bulk("cluster-allow-replica-migration"), RespValue.Bulk(_value)]),
            "CLUSTER NODES" => RespValue.Bulk(string.Join('\n', Lines) + "\n"),
            "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
            "INFO" => RespValue.Bulk("redis_version:7.0.15\r\n"),
            "DBSIZE" => RespValue.Number(0),
            _ => RespValue.Error("ERR unknown command"),
        };
    }
}
