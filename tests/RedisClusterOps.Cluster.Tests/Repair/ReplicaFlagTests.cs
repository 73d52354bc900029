using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>Valkey copies flags to replicas, and keeps them when it promotes one. Redis does not copy them.</summary>
public sealed class ReplicaFlagTests
{
    private const int Slot = 100;

    // A replica that was down when its master closed the slot keeps the flag, because a full synchronization does not contain flags.
    [Fact]
    public async Task A_flag_that_only_a_replica_has_is_found_and_does_not_survive_its_promotion()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, 3, 1, options => options with { ConfigLines = ["cluster-require-full-coverage no"] });
        var (master, replica) = (cluster.Node(0), cluster.Replicas[0]);
        var scene = new SlotScene(cluster, Slot, master, cluster.Node(1));
        await scene.WriteAsync(5);
        await scene.SetSlotAsync(master, "MIGRATING", scene.Target);
        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(replica)).MigratingTo.ContainsKey(Slot));
        replica.Kill();
        await KillScene.UntilAsync(async () => !(await master.AskAsync("CLUSTER", "SETSLOT", Slot, "STABLE")).IsError);
        await replica.RestartAsync();
        await cluster.Cluster.WaitUntilAgreedAsync();
        await KillScene.UntilAsync(async () =>
            (await replica.SendAsync("INFO", "replication")).Text.Contains("master_link_status:up"));
        Assert.True((await TestCluster.OwnLineOfAsync(replica)).MigratingTo.ContainsKey(Slot));

        using (var core = scene.Core())
        {
            var health = await core.TestAsync(new HealthOptions(), default);
            var finding = Assert.Single(health.Findings, finding => finding.Code == FindingCode.ReplicaFlags);
            Assert.Equal((replica.Endpoint.ToString(), "Repair-RedisCluster -Slot " + Slot), (finding.Target, finding.Advice));
        }

        var outcome = Assert.Single(await scene.RepairAllAsync());
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        await KillScene.UntilAsync(async () => !(await TestCluster.OwnLineOfAsync(replica)).MigratingTo.ContainsKey(Slot));
        await TestCluster.PromoteAsync(replica);
        Assert.False((await TestCluster.OwnLineOfAsync(replica)).MigratingTo.ContainsKey(Slot));
        await scene.AssertKeysAsync();
    }
}
