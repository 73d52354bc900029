using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>Masters that are down, and nodes that were forgotten. Each test kills nodes, so each has its own cluster.</summary>
public sealed class AbsentMasterTests
{
    private const int Slot = 100;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_target_that_is_down_can_be_abandoned_and_its_keys_return_when_it_restarts(string server)
    {
        await using var cluster = await StartAsync(server);
        var scene = new SlotScene(cluster, Slot, cluster.Node(0), cluster.Node(2));
        await scene.WedgeAsync(20, moved: 8);
        scene.Target.Kill();

        // Until the cluster calls it failed, it may still serve clients.
        Assert.DoesNotContain("-AllowUnreachableNode", (await scene.PlanRepairAsync()).Refusal!.NextStep());
        await UntilFailedAsync(cluster.Node(0), scene.Target);
        await UntilFailedAsync(cluster.Node(1), scene.Target);
        var refusal = (await scene.PlanRepairAsync()).Refusal;
        Assert.Equal((FailureCode.NodeUnreachable, scene.Target.Endpoint.ToString()), (refusal?.Code, refusal?.Subject));
        Assert.Contains("-AllowUnreachableNode", refusal!.NextStep());

        var outcome = await scene.RepairAsync(new RepairOptions { AllowUnreachableNode = true });
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Contains("read as missing", outcome.Result.Reason);
        Assert.Equal(12, await TestCluster.CountKeysAsync(scene.Source, Slot));
        Assert.False((await TestCluster.OwnLineOfAsync(scene.Source)).MigratingTo.ContainsKey(Slot));

        // The target restarts with its keys, and the same command moves them to the owner.
        await scene.Target.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        Assert.Equal(8, (await scene.RepairSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Slots_of_a_master_that_is_down_are_reassigned_only_on_request(string server)
    {
        await using var cluster = await StartAsync(server, few: true);
        var dead = cluster.Node(1);
        var scene = new SlotScene(cluster, 16383, dead, cluster.Node(0));
        await scene.WriteAsync(10);
        var healthy = new SlotScene(cluster, Slot, cluster.Node(0), cluster.Node(2));
        await healthy.WedgeAsync(20, moved: 8);
        dead.Kill();
        await UntilFailedAsync(cluster.Node(0), dead);
        await UntilFailedAsync(cluster.Node(2), dead);

        using (var core = scene.Core())
        {
            var plans = await core.PlanRepairAsync(new RepairOptions(), new MoveOptions(), default);
            var refusal = plans.Single(plan => plan.SourceId == dead.Id).Refusal;
            Assert.Equal((FailureCode.NodeUnreachable, dead.Endpoint.ToString()), (refusal?.Code, refusal?.Subject));
            Assert.Contains("16374-16383", refusal!.Message);
        }

        var outcomes = await scene.RepairAllAsync(new RepairOptions { AllowUnreachableNode = true });
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        Assert.Equal(11, outcomes.Count);
        using (var client = cluster.Client())
            Assert.True((await client.AskAsync(scene.Keys[0], Protocol.RespCommand.Of("GET", scene.Keys[0]))).IsNull);

        // The restarted master loses its slots and keys, as announced.
        await dead.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        Assert.Equal(0, (await TestCluster.OwnLineOfAsync(dead)).Slots.Count);
        using var after = scene.Core();
        Assert.Empty(await after.GetOpenSlotsAsync(null, default));
        await healthy.AssertKeysAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_dead_master_with_a_live_replica_is_not_abandoned(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, 3, 1, options => options with
        {
            NodeTimeout = TimeSpan.FromSeconds(2),
            // On Valkey only masters with slots can vote, so two of three must remain to flag one as failed.
            Slots = LocalClusterOptions.SharesFor(3, 3),
            ConfigLines = ["cluster-replica-no-failover yes", "cluster-require-full-coverage no"],
        });
        var scene = new SlotScene(cluster, Slot, cluster.Node(0), cluster.Node(2));
        await scene.WriteAsync(10);
        await UntilAsync(async () => (await cluster.Replicas[0].SendAsync("INFO", "replication")).Text.Contains("master_link_status:up"));
        await PromotedReplicaTests.UntilReplicatedAsync(scene.Source, cluster.Replicas[0]);
        scene.Source.Kill();
        await UntilFailedAsync(cluster.Node(1), scene.Source);
        await UntilFailedAsync(cluster.Node(2), scene.Source);

        var refusal = (await scene.PlanRepairAsync(new RepairOptions { AllowUnreachableNode = true })).Refusal;
        Assert.Equal(FailureCode.NodeUnreachable, refusal?.Code);
        Assert.Contains("Invoke-RedisClusterFailover -Node " + cluster.Replicas[0].Endpoint + " -Mode Force", refusal!.NextStep());

        await cluster.Replicas[0].SendAsync("CLUSTER", "FAILOVER", "TAKEOVER");
        await UntilAsync(async () =>
            (await TestCluster.ViewOfAsync(cluster.Node(1))).Single(line => line.Id == cluster.Replicas[0].Id).Slots.Contains(Slot));
        await scene.AssertKeysAsync();
    }

    // In one slot the source migrates to a forgotten node, in the other the target imports from it.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Flags_that_name_a_forgotten_node_are_cleared(string server)
    {
        await using var cluster = await StartAsync(server);
        var gone = cluster.Node(3);
        var migrating = new SlotScene(cluster, Slot, cluster.Node(0), gone);
        await migrating.WriteAsync(10);
        await migrating.SetSlotAsync(migrating.Source, "MIGRATING", gone);
        var importing = new SlotScene(cluster, Slot + 1, cluster.Node(0), cluster.Node(2));
        await importing.WriteAsync(10);
        await importing.SetSlotAsync(importing.Target, "IMPORTING", gone);
        gone.Kill();
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning))
            await node.SendAsync("CLUSTER", "FORGET", gone.Id);

        var outcomes = await migrating.RepairAllAsync();
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        await migrating.AssertClosedAsync(migrating.Source, highestEpoch: false);
        await importing.AssertClosedAsync(importing.Source, highestEpoch: false);
    }

    // The last of four masters has no slots. With few, the second has ten slots, and there is a majority without it.
    private static Task<TestCluster> StartAsync(string server, bool few = false) =>
        TestCluster.StartAsync(server, 4, 0, options => options with
        {
            NodeTimeout = TimeSpan.FromSeconds(2),
            AppendOnly = true,
            ConfigLines = ["appendfsync always", "cluster-require-full-coverage no"],
            Slots = few
            ? [[new SlotRange(0, 9999)], [new SlotRange(16374, 16383)], [new SlotRange(10000, 16373)], []]
            : [[new SlotRange(0, 8191)], [new SlotRange(8192, 16383)], [], []],
        });

    private static Task UntilFailedAsync(LocalNode observer, LocalNode node) => UntilAsync(async () =>
        ((await TestCluster.ViewOfAsync(observer)).Single(line => line.Id == node.Id).Flags & NodeFlags.Fail) != 0);

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var until = DateTime.UtcNow.AddSeconds(60);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < until, "The condition did not become true within 60 seconds.");
            await Task.Delay(50);
        }
    }
}
