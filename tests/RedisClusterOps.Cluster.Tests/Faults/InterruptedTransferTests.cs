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

/// <summary>After an interrupted MIGRATE it is unknown which keys have arrived. No key may be lost or remain on both nodes.</summary>
public sealed class InterruptedTransferTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_value_too_big_for_the_timeout_is_reported_and_moves_with_a_longer_timeout(string server)
    {
        // MIGRATE blocks the servers. The long node timeout keeps the others from flagging them as failed.
        await using var cluster = await TestCluster.StartAsync(
            server, masters: 2, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var slot = new MovingSlot(
            cluster,
            7)
        {
            Session = new RedisClusterSession(
                cluster.Endpoints, new ConnectionOptions { ConnectTimeout = TimeSpan.FromSeconds(30) })
        };
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
    public async Task Named_keys_with_one_that_always_times_out_end_with_an_error(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = new[] { slot.Key("big"), slot.Key("other") };
        foreach (var key in keys)
            await slot.OnSourceAsync("SET", key, "v");
        await slot.OpenAsync();
        using var planner = new RedisCluster(slot.Session);
        var options = new MoveOptions { Timeout = TimeSpan.FromMilliseconds(50) };
        string[] names = [.. keys.Select(Encoding.ASCII.GetString)];
        var plan = await planner.PlanKeyMoveAsync(slot.Slot, null, null, null, names, options, default);
        // The target is frozen only during each transfer. To the source this looks like a value that always times out.
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
            var first = commands[0].ToString();
            if (first.StartsWith("MIGRATE ", StringComparison.Ordinal))
                slot.Target.Stop();
            // A probe runs beside the transfer.
            else if (first != "PING")
                slot.Target.Continue();
            return Task.CompletedTask;
        }

        await slot.CompletedAsync();
        Assert.Equal(2, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_target_that_freezes_and_resumes_loses_and_duplicates_no_key(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = await FillAsync(slot, 300);
        await slot.OpenAsync();
        using var log = new OperationLog();
        var completing = slot.CompleteWithFrozenTargetAsync(new MoveOptions { BatchSize = 50, Timeout = Short }, log);
        await UntilInterruptedAsync(log);
        slot.Target.Continue();

        var outcome = await completing;
        Assert.Null(outcome.Failure);
        await slot.AssertClosedAsync();
        await AssertAllArrivedAsync(slot, keys);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_copy_that_existed_on_the_target_before_an_interrupted_transfer_is_not_lost(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("k");
        await slot.OnSourceAsync("SET", key, "mine");
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, "theirs");
        using var log = new OperationLog();
        var completing = slot.CompleteWithFrozenTargetAsync(new MoveOptions { Timeout = Short, JournalPath = saved.Folder }, log);
        await UntilInterruptedAsync(log);
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
            await saved.RestoreAsync(slot, outcome.Result.Reason);
            Assert.Equal("theirs", (await slot.OnTargetAsync("GET", key)).Text);
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_write_after_an_interrupted_transfer_is_not_lost(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("k");
        await slot.OnSourceAsync("SET", key, "old");
        await slot.OpenAsync();
        using var log = new OperationLog();
        var completing = slot.CompleteWithFrozenTargetAsync(new MoveOptions { Timeout = Short, JournalPath = saved.Folder }, log);
        await UntilInterruptedAsync(log);
        // The target restores the old value when it resumes. Before that a client writes to the source, which still serves the key.
        await slot.OnSourceAsync("SET", key, "new");
        slot.Target.Continue();

        Assert.Null((await completing).Failure);
        await slot.AssertClosedAsync();
        Assert.Equal("new", (await slot.OnTargetAsync("GET", key)).Text);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_connection_that_breaks_before_the_reply_loses_nothing(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = await FillAsync(slot, 300);
        await slot.OpenAsync();
        await using var proxy = new TcpProxy(slot.Source.Endpoint);
        slot.Session = Through(slot, (slot.Source, proxy));
        proxy.CutAfterRequest("MIGRATE");

        await slot.CompletedAsync(new MoveOptions { BatchSize = 50 });

        Assert.Equal(1, proxy.Cuts);
        await AssertAllArrivedAsync(slot, keys);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Connections_that_break_anywhere_lose_nothing(string server)
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
            // Each node replies with about twenty thousand bytes in the whole run.
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
                // The connection broke while the cluster was being read.
                Assert.Contains(cut.Code, new[] { FailureCode.ConnectionFailed, FailureCode.NodeUnreachable });
            }

            cuts += toSource.Cuts + toTarget.Cuts;
            slot.Session = open;
            var own = await TestCluster.OwnLineOfAsync(slot.Source);
            if (own.Slots.Contains(slot.Slot) || own.MigratingTo.ContainsKey(slot.Slot))
                await slot.CompletedAsync();
            await slot.AssertClosedAsync();
            await AssertAllArrivedAsync(slot, keys);
        }

        Assert.True(cuts >= 15 && finished > 0, cuts + " cuts, " + finished + " runs finished");
    }

    private static RedisClusterSession Through(MovingSlot slot, params (LocalNode Node, TcpProxy Proxy)[] proxies) => new(
        [slot.Cluster.Node(1).Endpoint],
        slot.Session.Options,
        proxies.ToDictionary(pair => pair.Node.Endpoint.ToString(), pair => pair.Proxy.Endpoint.ToString()));

    private static async Task<List<byte[]>> FillAsync(MovingSlot slot, int count)
    {
        var keys = Enumerable.Range(0, count).Select(i => slot.Key("k" + i)).ToList();
        await slot.OnSourceAsync(["MSET", .. keys.SelectMany((key, i) => new object[] { key, "v" + i })]);
        return keys;
    }

    private static async Task AssertAllArrivedAsync(MovingSlot slot, List<byte[]> keys)
    {
        var values = await slot.OnTargetAsync(["MGET", .. keys]);
        Assert.Equal(keys.Select((_, i) => "v" + i), values.Items.Select(value => value.Text));
        Assert.Equal(keys.Count, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
    }

    private static async Task UntilInterruptedAsync(OperationLog log)
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
