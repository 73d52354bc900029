using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Members;

/// <summary>
/// Garnet's nodes do not vote and report no node as failed, and its replicas keep their master. What it does not support is refused before
/// any command; the rest works as on the other servers.
/// </summary>
public sealed class GarnetNodeTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_dead_master_is_replaced_by_takeover_alone_and_removed()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Garnet, masters: 2, replicas: 1, options => options with { Slots = LocalClusterOptions.SharesFor(2, 2) });
        var (master, other, replica) = (cluster.Node(0), cluster.Node(1), cluster.Node(2));
        Assert.Equal("OK", (await master.SendAsync("SET", Key, "kept")).Text);
        await KillScene.UntilAsync(async () => (await replica.SendAsync("DBSIZE")).Integer == 1);
        var session = new RedisClusterSession([other.Endpoint], cluster.Connection);

        await RefusedAsync(redis => redis.PlanReplicaAsync(Name(replica), Name(other), null, default), "another master", "RemoveNode");
        await RefusedAsync(redis => FailOver(redis, RedisFailoverMode.Force), "do not vote", "FailOver");
        await RefusedAsync(redis => FailOver(redis, RedisFailoverMode.Takeover), "lives", "FailOver");
        await RefusedAsync(redis => redis.PlanRemovalAsync(Name(master), false, false, true, null, default), "its replica", "RemoveNode");

        master.Kill();
        await KillScene.UntilAsync(async () => (await replica.SendAsync("INFO", "replication")).Text.Contains("master_link_status:down"));
        await RefusedAsync(redis => FailOver(redis, RedisFailoverMode.Graceful), "do not report failed ones", "FailOver");
        await RefusedAsync(redis => FailOver(redis, RedisFailoverMode.Force), "do not vote", "FailOver");
        await RefusedAsync(redis => redis.PlanRemovalAsync(Name(master), false, false, false, null, default), "may serve", "ShowNodes");
        using var core = new RedisCluster(session) { KeepsJournal = false };
        var plan = await FailOver(core, RedisFailoverMode.Takeover);
        output.WriteLine(plan.Action + "\n" + string.Join("\n", plan.Warnings));
        output.WriteLine((await core.FailOverAsync(plan, default)).Reason ?? string.Empty);
        Assert.Equal("kept", (await replica.SendAsync("GET", Key)).Text);
        var removal = await core.PlanRemovalAsync(Name(master), false, false, false, null, default);
        Assert.Equal(NodeChangeOutcome.Changed, (await core.RemoveAsync(removal, default)).Outcome);
        Assert.All(
            new[] { await TestCluster.ViewOfAsync(other), await TestCluster.ViewOfAsync(replica) },
            view => Assert.DoesNotContain(view, line => line.Id == master.Id));
        Assert.Equal(8192, (await TestCluster.OwnLineOfAsync(replica)).Slots.Count);

        Task<MembershipPlan> FailOver(RedisCluster redis, RedisFailoverMode mode) =>
            redis.PlanFailoverAsync(Name(replica), mode, null, default);

        async Task RefusedAsync(Func<RedisCluster, Task<MembershipPlan>> planning, string why, string next)
        {
            using var redis = new RedisCluster(session) { KeepsJournal = false };
            var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => planning(redis));
            output.WriteLine(refusal.Message + " Next: " + refusal.Next);
            Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
            Assert.Equal(next, refusal.Next!.Code.ToString());
        }
    }

    // Slot 5 belongs to the first master.
    private static string Key { get; } =
        Enumerable.Range(0, 100_000).Select(number => "key" + number).First(key => RedisCluster.LocateKey(key).Slot == 5);

    private static string Name(LocalNode node) => node.Endpoint.ToString();
}
