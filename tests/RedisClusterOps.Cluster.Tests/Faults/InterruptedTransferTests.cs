using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Conflicts;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>A MIGRATE that breaks: nobody knows which of its keys have arrived. No key may be lost over it, and none may be there twice in the end.</summary>
public sealed class InterruptedTransferTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_value_too_big_for_the_timeout_is_told_and_arrives_once_there_is_time(string server)
    {
        // The servers do nothing else while they are at it: nobody may take them for dead because of that.
        await using var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var slot = new MovingSlot(cluster, 7) { Session = new RedisClusterSession(cluster.Endpoints, new ConnectionOptions { ConnectTimeout = TimeSpan.FromSeconds(30) }) };
        var key = slot.Key("big");
        var element = new byte[2 * 1024 * 1024];
        for (var i = 0; i < 50; i++)
        {
            Random.Shared.NextBytes(element);
            await slot.OnSourceAsync("RPUSH", key, element);
        }

        await slot.OnSourceAsync("SET", slot.Key("small"), "v");
        await slot.OpenAsync();
        var last = await slot.OnSourceAsync("LINDEX", key, 49);

        var outcome = await slot.CompleteAsync(new MoveOptions { Timeout = TimeSpan.FromMilliseconds(100) });
        if (outcome.Failure is { } failure)
        {
            Assert.Equal(FailureCode.KeyMoveTimedOut, failure.Code);
            Assert.Contains(Printable.Quote(key), failure.Message);
            await slot.AssertOpenAsync();
            Assert.Equal(50, (await slot.OnSourceAsync("LLEN", key)).Integer);
            await slot.CompletedAsync();
        }

        await slot.AssertClosedAsync();
        Assert.Equal(2, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
        Assert.Equal(50, (await slot.OnTargetAsync("LLEN", key)).Integer);
        Assert.Equal(last.Bytes, (await slot.OnTargetAsync("LINDEX", key, 49)).Bytes);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Named_keys_of_which_one_is_too_big_do_not_go_round_for_ever(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = new[] { slot.Key("big"), slot.Key("other") };
        foreach (var key in keys)
            await slot.OnSourceAsync("SET", key, "v");
        await slot.OpenAsync();
        using var looking = new RedisCluster(slot.Session);
        var plan = await looking.PlanKeyMoveAsync(slot.Slot, null, null, null, [.. keys.Select(Encoding.ASCII.GetString)], new MoveOptions { Timeout = TimeSpan.FromMilliseconds(50) }, default);
        // Frozen for each transfer and only for it: to the source that is a value that never gets through in time.
        using var redis = new RedisCluster(slot.Session, new HookedConnector(new NodeConnector(slot.Session.Options), Freeze), null);
        var moving = redis.MoveKeysAsync(plan, default);
        try
        {
            Assert.Same(moving, await Task.WhenAny(moving, Task.Delay(TimeSpan.FromSeconds(10))));
            Assert.Equal(FailureCode.KeyMoveTimedOut, (await moving).Failure!.Code);
        }
        finally
        {
            slot.Target.Continue();
        }

        Task Freeze(NodeEndpoint node, IReadOnlyList<RespCommand> commands)
        {
            if (commands[0].ToString().StartsWith("MIGRATE ", StringComparison.Ordinal))
                slot.Target.Stop();
            else
                slot.Target.Continue();
            return Task.CompletedTask;
        }

        await slot.CompletedAsync();
        Assert.Equal(2, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_target_that_freezes_in_the_middle_and_goes_on_loses_and_doubles_nothing(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = await FillAsync(slot, 300);
        await slot.OpenAsync();
        using var log = new OperationLog();
        var completing = slot.CompleteWithFrozenTargetAsync(new MoveOptions { BatchSize = 50, Timeout = Short }, log);
        await UntilBrokenAsync(log);
        slot.Target.Continue();

        var outcome = await completing;
        Assert.Null(outcome.Failure);
        await slot.AssertClosedAsync();
        await AssertAllThereAsync(slot, keys);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_copy_that_was_on_the_target_before_a_transfer_broke_is_not_lost(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("k");
        await slot.OnSourceAsync("SET", key, "mine");
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, "theirs");
        using var log = new OperationLog();
        var completing = slot.CompleteWithFrozenTargetAsync(new MoveOptions { Timeout = Short, JournalPath = saved.Folder }, log);
        await UntilBrokenAsync(log);
        slot.Target.Continue();

        var outcome = await completing;
        if (outcome.Failure is { } failure)
        {
            Assert.Equal(FailureCode.KeyExistsOnTarget, failure.Code);
            Assert.Equal("mine", (await slot.OnSourceAsync("GET", key)).Text);
            Assert.Equal("theirs", (await slot.OnTargetAsync("GET", key)).Text);
        }
        else
        {
            Assert.Equal("mine", (await slot.OnTargetAsync("GET", key)).Text);
            await SavedValueFile.RestoreAsync(outcome.Result.Reason ?? string.Empty);
            Assert.Equal("theirs", (await slot.OnTargetAsync("GET", key)).Text);
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_key_that_was_written_after_its_transfer_broke_arrives_as_it_was_written(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("k");
        await slot.OnSourceAsync("SET", key, "old");
        await slot.OpenAsync();
        using var log = new OperationLog();
        var completing = slot.CompleteWithFrozenTargetAsync(new MoveOptions { Timeout = Short, JournalPath = saved.Folder }, log);
        await UntilBrokenAsync(log);
        // The target will restore the old value when it runs again; a client meanwhile writes to the source, which still serves the key.
        await slot.OnSourceAsync("SET", key, "new");
        slot.Target.Continue();

        Assert.Null((await completing).Failure);
        await slot.AssertClosedAsync();
        Assert.Equal("new", (await slot.OnTargetAsync("GET", key)).Text);
    }

    [Theory]
    [MemberData(nameof(Servers.GarnetInFullProof), MemberType = typeof(Servers))]
    public async Task A_connection_that_breaks_before_the_answer_costs_nothing(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = await FillAsync(slot, 300);
        await slot.OpenAsync();
        await using var proxy = new TcpProxy(slot.Source.Endpoint);
        slot.Session = Through(slot, (slot.Source, proxy));
        proxy.CutAfterRequest("MIGRATE");

        await slot.CompletedAsync(new MoveOptions { BatchSize = 50 });

        Assert.Equal(1, proxy.Cuts);
        await AssertAllThereAsync(slot, keys);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Connections_that_break_anywhere_cost_nothing(string server)
    {
        var (cuts, finished) = (0, 0);
        for (var trial = 0; trial < 25; trial++)
        {
            var slot = await clusters.SlotAsync(server);
            var keys = await FillAsync(slot, 40);
            await slot.OpenAsync();
            await using var toSource = new TcpProxy(slot.Source.Endpoint);
            await using var toTarget = new TcpProxy(slot.Target.Endpoint);
            var open = slot.Session;
            slot.Session = Through(slot, (slot.Source, toSource), (slot.Target, toTarget));
            // The whole work is some twenty thousand bytes of answers from each side.
            var at = new Random(trial);
            toSource.CutAfterReplyBytes(at.Next(1, 20_000));
            toTarget.CutAfterReplyBytes(at.Next(1, 20_000));
            try
            {
                var outcome = await slot.CompleteAsync(new MoveOptions { BatchSize = 7 });
                if (outcome.Failure is null)
                {
                    finished++;
                    await slot.AssertClosedAsync();
                }
            }
            catch (RedisOperationException cut)
            {
                // While it was still looking.
                Assert.Contains(cut.Code, new[] { FailureCode.ConnectionFailed, FailureCode.NodeUnreachable });
            }

            cuts += toSource.Cuts + toTarget.Cuts;
            slot.Session = open;
            if ((await TestCluster.OwnLineOfAsync(slot.Source)).Slots.Contains(slot.Slot) || (await TestCluster.OwnLineOfAsync(slot.Source)).MigratingTo.ContainsKey(slot.Slot))
                await slot.CompletedAsync();
            await slot.AssertClosedAsync();
            await AssertAllThereAsync(slot, keys);
        }

        Assert.True(cuts >= 15 && finished > 0, cuts + " cuts, " + finished + " finished all the same");
    }

    private static RedisClusterSession Through(MovingSlot slot, params (LocalNode Node, TcpProxy Proxy)[] proxies) => new(
        [slot.Cluster.Node(1).Endpoint], slot.Session.Options, proxies.ToDictionary(pair => pair.Node.Endpoint.ToString(), pair => pair.Proxy.Endpoint.ToString()));

    private static async Task<List<byte[]>> FillAsync(MovingSlot slot, int count)
    {
        var keys = Enumerable.Range(0, count).Select(i => slot.Key("k" + i)).ToList();
        await slot.OnSourceAsync(["MSET", .. keys.SelectMany((key, i) => new object[] { key, "v" + i })]);
        return keys;
    }

    private static async Task AssertAllThereAsync(MovingSlot slot, List<byte[]> keys)
    {
        var values = await slot.OnTargetAsync(["MGET", .. keys]);
        Assert.Equal(keys.Select((_, i) => "v" + i), values.Items.Select(value => value.Text));
        Assert.Equal(keys.Count, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
    }

    private static async Task UntilBrokenAsync(OperationLog log)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (DateTime.UtcNow < until)
        {
            while (log.TryTake(out var happened, TimeSpan.Zero))
            {
                if (happened is { Kind: OperationEventKind.Warning } && happened.Message.Contains("broke"))
                    return;
            }

            await Task.Delay(5);
        }

        Assert.Fail("No transfer broke.");
    }
}
