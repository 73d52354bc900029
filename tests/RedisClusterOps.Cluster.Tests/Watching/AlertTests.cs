using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Watching;

/// <summary>A real cluster is brought into each state that raises an alert. The alert ends when the cluster is healthy again.</summary>
public sealed class AlertTests(WatchedCluster watched) : IClassFixture<WatchedCluster>
{
    private TestCluster Cluster => watched.Cluster;

    [Fact]
    public async Task A_slot_is_stuck_after_31_minutes_but_not_after_29_or_once_it_is_completed()
    {
        await watched.UntilQuietAsync();
        var state = watched.NewStatePath();
        var slot = new MovingSlot(Cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("a"), "v");
        await slot.OnSourceAsync("SET", slot.Key("b"), "v");
        await slot.OpenAsync();
        Assert.Empty(await watched.CheckAlertsAsync(state));
        Assert.Empty(await watched.CheckAlertsAsync(state, TimeSpan.FromMinutes(29)));

        var alert = Assert.Single(await watched.CheckAlertsAsync(state, TimeSpan.FromMinutes(31)));

        Assert.Equal((AlertCode.SlotStuck, "7", 0, 2L), (alert.Code, alert.Target, alert.PercentComplete, alert.KeysLeft));
        Assert.StartsWith("Stuck at 0 % for at least 31 min", alert.Message);

        // One moved key is progress and restarts the clock.
        using (var redis = new RedisCluster(slot.Session))
            await redis.MoveKeysAsync(await redis.PlanKeyMoveAsync(7, null, null, 1, null, new MoveOptions(), default), default);
        Assert.Empty(await watched.CheckAlertsAsync(state, TimeSpan.FromMinutes(32)));
        Assert.StartsWith("Stuck at 50 %", Assert.Single(await watched.CheckAlertsAsync(state, TimeSpan.FromMinutes(63))).Message);

        await slot.CompletedAsync();
        Assert.Empty(await watched.CheckAlertsAsync(state, TimeSpan.FromMinutes(95)));
    }

    [Fact]
    public async Task Slots_without_an_owner_and_slots_whose_owner_is_disputed()
    {
        await watched.UntilQuietAsync();
        var owner = Cluster.Node(0);
        await owner.SendAsync("CONFIG", "SET", "cluster-require-full-coverage", "yes");
        await owner.SendAsync("CLUSTER", "DELSLOTS", 9);
        try
        {
            var state = watched.NewStatePath();
            Assert.Contains(await watched.CheckAlertsAsync(state), alert => alert is { Code: AlertCode.SlotUncovered, Target: "9" });
            // DELSLOTS is not gossiped, so the other nodes never learn of it.
            Assert.Contains(
                await watched.CheckAlertsAsync(state, TimeSpan.FromSeconds(61)),
                alert => alert is { Code: AlertCode.SlotOwnerConflict, Target: "9" });
            await watched.UntilAsync(AlertCode.ClusterStateFail, owner.Endpoint.ToString());
        }
        finally
        {
            await owner.SendAsync("CONFIG", "SET", "cluster-require-full-coverage", "no");
            await owner.SendAsync("CLUSTER", "ADDSLOTS", 9);
        }

        await watched.UntilQuietAsync();
    }

    [Fact]
    public async Task Frozen_masters_are_suspected_at_once_but_failed_only_by_a_majority()
    {
        await watched.UntilQuietAsync();
        var (first, second) = (Cluster.Node(1), Cluster.Node(2));
        // On Redis 7.0 a master without slots also counts for the majority.
        var fourth = Cluster.Node(3);
        var frozen = DateTime.UtcNow;
        first.Stop();
        second.Stop();
        fourth.Stop();
        try
        {
            // One master is no majority.
            Assert.Contains(
                await watched.CheckAlertsAsync(),
                alert => alert.Code == AlertCode.NodeUnreachable && alert.Target.Split(',').Contains(first.Endpoint.ToString()));
            await watched.UntilAsync(AlertCode.NodePFail, first.Endpoint.ToString());
            second.Continue();
            fourth.Continue();
            var failed = await watched.UntilAsync(AlertCode.NodeFail, first.Endpoint.ToString());
            // The other nodes know when its last reply arrived.
            Assert.True(failed.IsSinceExact);
            Assert.InRange(failed.Since, frozen.AddSeconds(-30), frozen.AddSeconds(2));
            Assert.Contains(
                await watched.CheckAlertsAsync(),
                alert => alert.Code == AlertCode.SlotUncovered && alert.Message.Contains(first.Endpoint.ToString()));
        }
        finally
        {
            first.Continue();
            second.Continue();
            fourth.Continue();
        }

        await watched.UntilQuietAsync();
    }

    [Fact]
    public async Task A_replica_that_falls_behind_and_one_that_is_disconnected()
    {
        await watched.UntilQuietAsync();
        var (master, replica) = (Cluster.Node(0), watched.Replica);
        var name = replica.Endpoint.ToString();
        replica.Stop();
        try
        {
            // The replica does not respond, but its master knows its offset.
            var value = new string('x', 1 << 20);
            for (var i = 0; i < 16; i++)
                await master.SendAsync("SET", new MovingSlot(Cluster, 11).Key("big"), value);
            var behind = await watched.UntilAsync(AlertCode.ReplicaLag, name);
            Assert.Equal(FindingSeverity.Warning, behind.Severity);
            var health = await CheckHealthAsync();
            Assert.Contains(health.Findings, finding => finding.Code == FindingCode.ReplicaLag && finding.Target == name);
        }
        finally
        {
            replica.Continue();
        }

        await watched.UntilQuietAsync();
        await replica.SendAsync("CONFIG", "SET", "masterauth", "wrong");
        await master.SendAsync("CLIENT", "KILL", "TYPE", "replica");
        try
        {
            var cut = await watched.UntilAsync(AlertCode.ReplicaLinkDown, name);
            Assert.True(cut.IsSinceExact);
        }
        finally
        {
            await replica.SendAsync("CONFIG", "SET", "masterauth", "");
        }

        await watched.UntilQuietAsync();
    }

    [Fact]
    public async Task Exhausted_memory_and_a_node_that_never_joins()
    {
        await watched.UntilQuietAsync();
        var node = Cluster.Node(3);
        await node.SendAsync("CONFIG", "SET", "maxmemory", 1000);
        var state = watched.NewStatePath();
        var first = Assert.Single(await watched.CheckAlertsAsync(state));
        Assert.Equal(
            (AlertCode.MemoryPressure, FindingSeverity.Error, node.Endpoint.ToString(), false),
            (first.Code, first.Severity, first.Target, first.IsSinceExact));
        // The state file keeps the time of the first observation.
        var later = Assert.Single(await watched.CheckAlertsAsync(state, TimeSpan.FromHours(5)));
        Assert.Equal(first.Since, later.Since);
        Assert.Matches("For at least (5 h 0 min|4 h 59 min)\\.$", later.Message);
        await node.SendAsync("CONFIG", "SET", "maxmemory", 0);
        Assert.Empty(await watched.CheckAlertsAsync(state, TimeSpan.FromHours(5)));

        var port = LoopbackPorts.Reserve();
        await Cluster.Node(0).SendAsync("CLUSTER", "MEET", "127.0.0.1", port);
        await watched.UntilAsync(AlertCode.NodeHandshake, "127.0.0.1:" + port);
        LoopbackPorts.Release(port);
        await watched.UntilQuietAsync();
    }

    private async Task<RedisClusterHealth> CheckHealthAsync()
    {
        var options = new Protocol.ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(700) };
        using var redis = new RedisCluster(new RedisClusterSession([Cluster.Node(0).Endpoint], options));
        return await redis.TestAsync(new HealthOptions(), default);
    }
}
