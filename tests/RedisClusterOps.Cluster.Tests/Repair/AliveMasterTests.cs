using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>
/// A master that this module can't read is not dead unless the cluster says so. Its slots stay, even with -AllowUnreachableNode: the
/// switch once took all keys of masters that were busy, had another password, or were not reachable from here.
/// </summary>
public sealed class AliveMasterTests
{
    private const int Slot = 100;
    private const int Keys = 20;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_master_that_refuses_us_keeps_its_slots(string server)
    {
        // A busy node must not be reported as failed.
        await using var cluster = await StartAsync(server, nodeTimeout: 30);
        var (master, seed) = (cluster.Node(0), cluster.Node(1));
        var scene = new SlotScene(cluster, Slot, master, seed);
        await scene.WriteAsync(Keys);
        using var held = await master.ConnectAsync();

        await master.SendAsync("CONFIG", "SET", "busy-reply-threshold", "50");
        using (var runner = await master.ConnectAsync())
        {
            var running = runner.AskAsync(RespCommand.Of("EVAL", "while true do end", 0), default, TimeSpan.FromSeconds(60));
            await KillScene.UntilAsync(async () => (await held.AskAsync(RespCommand.Of("PING"), default)).Text.StartsWith("BUSY "));
            await AssertKeptAsync(scene, [seed.Endpoint], FailureCode.NodeBusy, FindingCode.NodeBusy, "SCRIPT KILL");
            await held.SendAsync(RespCommand.Of("SCRIPT", "KILL"), default);
            await running;
        }

        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "requirepass", "another"), default);
        await AssertKeptAsync(
            scene, [seed.Endpoint], FailureCode.AuthenticationFailed, FindingCode.AuthenticationFailed, "CONFIG SET requirepass");
        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "requirepass", ""), default);

        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "maxclients", "1"), default);
        await AssertKeptAsync(scene, [seed.Endpoint], FailureCode.TooManyClients, FindingCode.TooManyClients, "maxclients");
        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "maxclients", "1000"), default);

        // The server answers only between two keys, and each takes this many microseconds.
        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "key-load-delay", "200000"), default);
        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "rdbcompression", "no"), default);
        await held.SendAsync(RespCommand.Of("CONFIG", "SET", "loading-process-events-interval-bytes", "1024"), default);
        using (var loader = await master.ConnectAsync())
        {
            await held.SendAsync(scene.Keys.Select(key => RespCommand.Of("SET", key, new string('x', 4000))).ToList(), null, default);
            var loading = loader.AskAsync(RespCommand.Of("DEBUG", "RELOAD"), default, TimeSpan.FromSeconds(60));
            await KillScene.UntilAsync(async () => (await held.AskAsync(RespCommand.Of("DBSIZE"), default)).Text.StartsWith("LOADING"));
            await AssertKeptAsync(scene, [seed.Endpoint], FailureCode.NodeLoading, FindingCode.NodeLoading, "wait until it has loaded");
            await held.SendAsync(RespCommand.Of("CONFIG", "SET", "key-load-delay", "0"), default);
            await loading;
        }

        Assert.Equal(Keys, await TestCluster.CountKeysAsync(master, Slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Masters_that_only_this_machine_can_not_reach_keep_their_slots(string server)
    {
        await using var cluster = await StartAsync(server);
        var (master, seed) = (cluster.Node(0), cluster.Node(1));
        var scene = new SlotScene(cluster, Slot, master, seed);
        await scene.WriteAsync(Keys);
        var closed = new NodeEndpoint("127.0.0.1", LoopbackPorts.Reserve());
        var map = cluster.Nodes.Where(node => node != seed).ToDictionary(node => node.Endpoint.ToString(), _ => closed.ToString());
        await AssertKeptAsync(scene, [seed.Endpoint], FailureCode.NodeUnreachable, FindingCode.NodeUnreachable, "-AddressMap", map);
        LoopbackPorts.Release(closed.Port);

        var health = await CheckAsync(scene, [seed.Endpoint], map);
        Assert.Single(health.Findings, finding => finding.Code == FindingCode.NodeUnreachable && finding.Target.Contains(','));
        await scene.AssertKeysAsync();
    }

    // Two of three masters hang for a while. Without a majority no node may call them failed.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Masters_that_no_majority_calls_failed_keep_their_slots(string server)
    {
        await using var cluster = await StartAsync(server);
        var (master, seed) = (cluster.Node(0), cluster.Node(1));
        var scene = new SlotScene(cluster, Slot, master, seed);
        await scene.WriteAsync(Keys);
        LocalNode[] frozen = [master, cluster.Node(2)];
        foreach (var node in frozen)
            node.Stop();
        try
        {
            await KillScene.UntilAsync(async () => (await TestCluster.ViewOfAsync(seed))
                .Count(line => (line.Flags & (NodeFlags.PFail | NodeFlags.Fail)) != 0) == frozen.Length);
            var plans = await PlanAsync(scene, [seed.Endpoint], null);
            Assert.Equal(frozen.Select(node => node.Id).Order(), plans.Select(plan => plan.SourceId).Order());
            Assert.All(plans, plan => Assert.Contains("may still serve clients", plan.Refusal?.Message));
            Assert.All(plans, plan => Assert.DoesNotContain("-AllowUnreachableNode", plan.Refusal!.NextStep()));
        }
        finally
        {
            foreach (var node in frozen)
                node.Continue();
        }

        await cluster.Cluster.WaitUntilAgreedAsync();
        await scene.AssertKeysAsync();
        Assert.Equal(Keys, await TestCluster.CountKeysAsync(master, Slot));
    }

    private static async Task AssertKeptAsync(
        SlotScene scene, IReadOnlyList<NodeEndpoint> seeds, FailureCode code, FindingCode found, string cure,
        IReadOnlyDictionary<string, string>? map = null)
    {
        var plans = await PlanAsync(scene, seeds, map);
        Assert.All(plans, plan => Assert.Empty(plan.Commands));
        var refusal = plans.Single(plan => plan.SourceId == scene.Source.Id).Refusal!;
        Assert.True(code == refusal.Code, refusal.ToString());
        Assert.Contains(cure, refusal.NextStep());
        Assert.DoesNotContain("-AllowUnreachableNode", refusal.NextStep());

        var health = await CheckAsync(scene, seeds, map);
        var finding = health.Findings.Single(finding => finding.Code == found);
        Assert.Contains(scene.Source.Endpoint.ToString(), finding.Target);
        Assert.Contains(cure, finding.Advice);
        Assert.DoesNotContain(health.Findings, other => other.Code == FindingCode.SlotUncovered);
    }

    private static async Task<IReadOnlyList<SlotPlan>> PlanAsync(
        SlotScene scene, IReadOnlyList<NodeEndpoint> seeds, IReadOnlyDictionary<string, string>? map)
    {
        using var core = Core(scene, seeds, map);
        return await core.PlanRepairAsync(new RepairOptions { AllowUnreachableNode = true }, new MoveOptions(), default);
    }

    private static async Task<RedisClusterHealth> CheckAsync(
        SlotScene scene, IReadOnlyList<NodeEndpoint> seeds, IReadOnlyDictionary<string, string>? map)
    {
        using var core = Core(scene, seeds, map);
        return await core.TestAsync(new HealthOptions(), default);
    }

    private static RedisCluster Core(SlotScene scene, IReadOnlyList<NodeEndpoint> seeds, IReadOnlyDictionary<string, string>? map) =>
        new(new RedisClusterSession(seeds, scene.Cluster.Connection with { ConnectTimeout = TimeSpan.FromSeconds(1) }, map))
        {
            KeepsJournal = false,
            NextActionText = NextActionText.Of,
        };

    private static Task<TestCluster> StartAsync(string server, int nodeTimeout = 2) =>
        TestCluster.StartAsync(server, 3, 0, options => options with
        {
            NodeTimeout = TimeSpan.FromSeconds(nodeTimeout),
            Slots = LocalClusterOptions.SharesFor(3, 3),
            ConfigLines = ["cluster-require-full-coverage no", "enable-debug-command local"],
        });
}
