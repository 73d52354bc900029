using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Watching;

/// <summary>Every alert, raised by a real cluster that was put into that state, and silence once it is well again.</summary>
public sealed class AlertTests(WatchedCluster watched) : IClassFixture<WatchedCluster>
{
    private TestCluster Cluster => watched.Cluster;

    [Fact]
    public async Task A_slot_is_stuck_after_31_minutes_not_after_29_and_not_once_it_is_completed()
    {
        await watched.UntilQuietAsync();
        var state = watched.NewStatePath();
        var slot = new MovingSlot(Cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("a"), "v");
        await slot.OnSourceAsync("SET", slot.Key("b"), "v");
        await slot.OpenAsync();
        Assert.Empty(await watched.LookAsync(state));
        Assert.Empty(await watched.LookAsync(state, TimeSpan.FromMinutes(29)));

        var alert = Assert.Single(await watched.LookAsync(state, TimeSpan.FromMinutes(31)));

        Assert.Equal((AlertCode.SlotStuck, "7", 0, 2L), (alert.Code, alert.Target, alert.PercentComplete, alert.KeysLeft));
        Assert.StartsWith("Stuck at 0 % for at least 31 min", alert.Message);

        // One key that moves is progress; then the clock begins again.
        using (var redis = new RedisCluster(slot.Session))
            await redis.MoveKeysAsync(await redis.PlanKeyMoveAsync(7, null, null, 1, null, new MoveOptions(), default), default);
        Assert.Empty(await watched.LookAsync(state, TimeSpan.FromMinutes(32)));
        Assert.StartsWith("Stuck at 50 %", Assert.Single(await watched.LookAsync(state, TimeSpan.FromMinutes(63))).Message);

        await slot.CompletedAsync();
        Assert.Empty(await watched.LookAsync(state, TimeSpan.FromMinutes(95)));
    }

    [Fact]
    public async Task Slots_without_owner_and_owners_in_dispute()
    {
        await watched.UntilQuietAsync();
        var owner = Cluster.Node(0);
        await owner.SendAsync("CONFIG", "SET", "cluster-require-full-coverage", "yes");
        await owner.SendAsync("CLUSTER", "DELSLOTS", 9);
        try
        {
            var state = watched.NewStatePath();
            Assert.Contains(await watched.LookAsync(state), alert => alert is { Code: AlertCode.SlotUncovered, Target: "9" });
            // The others have not heard of it, and never will by themselves.
            Assert.Contains(await watched.LookAsync(state, TimeSpan.FromSeconds(61)), alert => alert is { Code: AlertCode.SlotOwnerConflict, Target: "9" });
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
    public async Task Masters_that_freeze_are_suspected_and_given_up_by_a_majority_only()
    {
        await watched.UntilQuietAsync();
        var (first, second) = (Cluster.Node(1), Cluster.Node(2));
        // On Redis 7.0 the word of a master without slots counts, too; where another test gave it one, more than two are needed.
        var fourth = Cluster.Node(3);
        var frozen = DateTime.UtcNow;
        first.Stop();
        second.Stop();
        fourth.Stop();
        try
        {
            // One alone is no majority.
            Assert.Contains(await watched.LookAsync(), alert => alert.Code == AlertCode.NodeUnreachable && alert.Target == first.Endpoint.ToString());
            await watched.UntilAsync(AlertCode.NodePFail, first.Endpoint.ToString());
            second.Continue();
            fourth.Continue();
            var failed = await watched.UntilAsync(AlertCode.NodeFail, first.Endpoint.ToString());
            // The others know when they last heard of it.
            Assert.True(failed.IsSinceExact);
            Assert.InRange(failed.Since, frozen.AddSeconds(-30), frozen.AddSeconds(2));
            Assert.Contains(await watched.LookAsync(), alert => alert.Code == AlertCode.SlotUncovered && alert.Message.Contains(first.Endpoint.ToString()));
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
    public async Task A_replica_that_falls_behind_and_one_that_is_cut_off()
    {
        await watched.UntilQuietAsync();
        var (master, replica) = (Cluster.Node(0), watched.Replica);
        var name = replica.Endpoint.ToString();
        replica.Stop();
        try
        {
            // It does not answer, but its master knows how far it came.
            var value = new string('x', 1 << 20);
            for (var i = 0; i < 16; i++)
                await master.SendAsync("SET", new MovingSlot(Cluster, 11).Key("big"), value);
            var behind = await watched.UntilAsync(AlertCode.ReplicaLag, name);
            Assert.Equal(FindingSeverity.Warning, behind.Severity);
            var health = await CheckAsync();
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
    public async Task Memory_that_runs_out_and_a_node_that_never_arrives()
    {
        await watched.UntilQuietAsync();
        var node = Cluster.Node(3);
        await node.SendAsync("CONFIG", "SET", "maxmemory", 1000);
        var state = watched.NewStatePath();
        var first = Assert.Single(await watched.LookAsync(state));
        Assert.Equal((AlertCode.MemoryPressure, FindingSeverity.Error, node.Endpoint.ToString(), false), (first.Code, first.Severity, first.Target, first.IsSinceExact));
        // Whatever the watcher forgets when it ends is in its file.
        var later = Assert.Single(await watched.LookAsync(state, TimeSpan.FromHours(5)));
        Assert.Equal(first.Since, later.Since);
        Assert.Matches("For at least (5 h 0 min|4 h 59 min)\\.$", later.Message);
        await node.SendAsync("CONFIG", "SET", "maxmemory", 0);
        Assert.Empty(await watched.LookAsync(state, TimeSpan.FromHours(5)));

        var port = LoopbackPorts.Reserve();
        await Cluster.Node(0).SendAsync("CLUSTER", "MEET", "127.0.0.1", port);
        await watched.UntilAsync(AlertCode.NodeHandshake, "127.0.0.1:" + port);
        LoopbackPorts.Release(port);
        await watched.UntilQuietAsync();
    }

    private async Task<RedisClusterHealth> CheckAsync()
    {
        using var redis = new RedisCluster(new RedisClusterSession([Cluster.Node(0).Endpoint], new Protocol.ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(700) }));
        return await redis.TestAsync(new HealthOptions(), default);
    }
}
