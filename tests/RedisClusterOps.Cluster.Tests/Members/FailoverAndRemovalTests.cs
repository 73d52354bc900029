using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Members;

/// <summary>A replica is promoted, a master is drained and removed, and a dead node is removed. No key is lost.</summary>
public sealed class FailoverAndRemovalTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_node_is_promoted_drained_removed_and_replaced_without_loss(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, 4, 4, options => options with
        {
            NodeTimeout = TimeSpan.FromSeconds(2),
            Slots = Lab.LocalClusterOptions.SharesFor(4, 4),
            ConfigLines = ["cluster-replica-no-failover yes"],
        });
        using var client = cluster.Client();
        var keys = Enumerable.Range(0, 400).Select(number => System.Text.Encoding.ASCII.GetBytes("key" + number)).ToList();
        foreach (var key in keys)
            Assert.Equal("OK", (await client.AskAsync(key, RespCommand.Of("SET", key, key))).Text);
        var former = cluster.Node(0);
        var replica = await ReplicaOfAsync(cluster, former);
        using var core = new RedisCluster(new RedisClusterSession([cluster.Node(2).Endpoint], cluster.Connection));

        // Graceful: the former master follows.
        var promoted = await core.FailOverAsync(await PlanAsync(core, replica, RedisFailoverMode.Graceful), default);
        Assert.Equal(NodeChangeOutcome.Changed, promoted.Outcome);
        Assert.Contains(former.Endpoint + " is its replica now", promoted.Reason);
        Assert.Equal(replica.Id, (await TestCluster.OwnLineOfAsync(former)).MasterId);

        // By force: the master is dead, and its replica may not fail over by itself.
        replica.Kill();
        await UntilAsync(async () => (await NodeAsync(core, replica.Id)).State == RedisNodeState.Fail);
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => PlanAsync(core, former, RedisFailoverMode.Graceful));
        Assert.Equal(NextActionOptions.Force, refusal.Next?.Options);
        await core.FailOverAsync(await PlanAsync(core, former, RedisFailoverMode.Force), default);

        // The dead node is forgotten by every node, once.
        Assert.Equal(NodeChangeOutcome.Changed, (await RemoveAsync(core, replica.Id)).Outcome);
        Assert.Equal(NodeChangeOutcome.Skipped, (await RemoveAsync(core, replica.Id)).Outcome);
        await AssertForgottenAsync(cluster, replica.Id);

        // A master is drained, removed and reset; its replica follows another master.
        var leaving = cluster.Node(1);
        var id = leaving.Id;
        var own = await ReplicaOfAsync(cluster, leaving);
        refusal = await Assert.ThrowsAsync<RedisOperationException>(() => RemoveAsync(core, id, reset: true));
        Assert.Equal(FailureCode.NodeNotEmpty, refusal.Code);
        var drain = await core.PlanDrainAsync(id, [], new MoveOptions(), default);
        Assert.All(await MoveRuns.CarryOutAsync(core, drain, new MoveOptions()), outcome => Assert.Null(outcome.Failure));
        Assert.Empty((await core.PlanDrainAsync(id, [], new MoveOptions(), default)).Moves);
        Assert.Equal(NodeChangeOutcome.Changed, (await RemoveAsync(core, id, reset: true)).Outcome);
        await AssertForgottenAsync(cluster, id);
        var line = Assert.Single(await TestCluster.ViewOfAsync(leaving));
        Assert.NotEqual(id, line.Id);
        Assert.NotEqual(id, (await TestCluster.OwnLineOfAsync(own)).MasterId);

        // The first client remembers the node that was reset as an owner.
        using var after = cluster.Client();
        foreach (var key in keys)
            Assert.Equal(key, (await after.AskAsync(key, RespCommand.Of("GET", key))).Bytes);
        Assert.True((await core.TestAsync(new HealthOptions { Deep = true }, default)).Healthy);
    }

    private static Task<MembershipPlan> PlanAsync(RedisCluster core, Lab.LocalNode node, RedisFailoverMode mode) =>
        core.PlanFailoverAsync(node.Endpoint.ToString(), mode, null, default);

    // Gossip about the failover before may arrive between the plan and its check. The plan is then refused, and made again.
    private static async Task<RedisNodeChange> RemoveAsync(RedisCluster core, string id, bool reset = false)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await core.RemoveAsync(await core.PlanRemovalAsync(id, reset, false, false, null, default), default);
            }
            catch (RedisOperationException stale) when (stale.Code == FailureCode.StalePlan && attempt < 20)
            {
                await Task.Delay(100);
            }
        }
    }

    private static async Task<RedisClusterNode> NodeAsync(RedisCluster core, string id) =>
        (await core.ListNodesAsync(default)).Single(node => node.Id == id);

    private static async Task<Lab.LocalNode> ReplicaOfAsync(TestCluster cluster, Lab.LocalNode master) =>
        cluster.NodeOf((await TestCluster.ViewOfAsync(master)).First(line => line.MasterId == master.Id).Id);

    private static async Task AssertForgottenAsync(TestCluster cluster, string id)
    {
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning && node.Id != id))
            Assert.DoesNotContain(await TestCluster.ViewOfAsync(node), line => line.Id == id);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var until = DateTime.UtcNow.AddSeconds(60); !await condition(); await Task.Delay(50))
            Assert.True(DateTime.UtcNow < until, "timed out");
    }
}
