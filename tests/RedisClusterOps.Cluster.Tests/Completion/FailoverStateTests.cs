using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>
/// A replica replaced the source or the target. Redis loses the flag of that end, Valkey keeps it. Completing keeps every key.
/// </summary>
/// <remarks>The tests share a cluster. Each test reads the roles when it begins, because the test before changed them.</remarks>
public sealed class FailoverStateTests(FailoverStateTests.Clusters clusters) : IClassFixture<FailoverStateTests.Clusters>
{
    private const int Keys = 60;
    private const int Moved = 25;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Completes_when_the_source_was_demoted_to_a_replica(string server)
    {
        var scene = await clusters.WedgedAsync(server, slot: 101, source: 0, target: 1);
        var promoted = await PromoteAsync(scene.Cluster, scene.Source);
        await CompleteAsync(server, scene.With(source: promoted), RedisOpenSlotState.SourceFailedOver);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Completes_when_the_target_was_demoted_to_a_replica(string server)
    {
        var scene = await clusters.WedgedAsync(server, slot: 102, source: 0, target: 1);
        var promoted = await PromoteAsync(scene.Cluster, scene.Target);
        await CompleteAsync(server, scene.With(target: promoted), RedisOpenSlotState.TargetFailedOver);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Completes_when_the_source_died_and_its_replica_was_promoted(string server)
    {
        var scene = await clusters.WedgedAsync(server, slot: 103, source: 0, target: 1);
        var after = scene.With(source: await SucceedAsync(scene.Cluster, scene.Source));
        if (server.StartsWith("valkey-"))
            await AssertWaitingForAsync(after, scene.Source);
        else
            await CompleteAsync(server, after, RedisOpenSlotState.SourceFailedOver);

        // The outdated view of the dead node must not win when it is restarted.
        await Clusters.ReviveAsync(scene.Cluster, scene.Source, after.Source);
        if (server.StartsWith("valkey-"))
            await CompleteAsync(server, after, RedisOpenSlotState.Migrating);
        await after.AssertClosedAsync();
    }

    // The successor of a dead target is recognized by the keys that it holds. Redis 8.6 counts no keys of a slot that the node does not
    // import. On Valkey, a target that is restarted too late takes over the slot and the shard with its old keys.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Completes_when_the_target_died_and_its_replica_was_promoted(string server)
    {
        var scene = await clusters.WedgedAsync(server, slot: 104, source: 0, target: 1);
        var after = scene.With(target: await SucceedAsync(scene.Cluster, scene.Target));
        var waits = server == Servers.Redis86 || server.StartsWith("valkey-");
        if (waits)
            await AssertWaitingForAsync(after, scene.Target);
        else
            await CompleteAsync(server, after, RedisOpenSlotState.TargetFailedOver);

        await Clusters.ReviveAsync(scene.Cluster, scene.Target, after.Target);
        if (waits)
            await CompleteAsync(server, after, RedisOpenSlotState.TargetFailedOver);
        await after.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task The_source_is_demoted_while_keys_are_moving(string server)
    {
        var scene = await clusters.WedgedAsync(server, slot: 105, source: 0, target: 1, keys: 10_000);
        var (moving, log) = Moving(scene);
        using (log)
        {
            var promoted = await PromoteAsync(scene.Cluster, scene.Source);
            await FinishAsync(moving, scene.With(source: promoted));
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task The_target_is_demoted_while_keys_are_moving(string server)
    {
        var scene = await clusters.WedgedAsync(server, slot: 106, source: 0, target: 1, keys: 10_000);
        var (moving, log) = Moving(scene);
        using (log)
        {
            var promoted = await PromoteAsync(scene.Cluster, scene.Target);
            await FinishAsync(moving, scene.With(target: promoted));
        }
    }

    // Slow enough for the failover to happen during the move.
    private static (Task<SlotOutcome> Moving, OperationLog Log) Moving(SlotScene scene)
    {
        var log = new OperationLog();
        var moving = Task.Run(() => scene.CompleteAsync(new MoveOptions { MaxKeysPerSecond = 8_000 }, log));
        var until = DateTime.UtcNow.AddSeconds(60);
        while (!(log.TryTake(out var happened, TimeSpan.FromMilliseconds(100)) && happened!.KeysDone >= 1_000))
            Assert.True(DateTime.UtcNow < until, "No progress was reported.");
        return (moving, log);
    }

    private static async Task FinishAsync(Task<SlotOutcome> moving, SlotScene after)
    {
        Assert.False(moving.IsCompleted, "The run finished before the failover.");
        var outcome = await moving;
        if (outcome.Failure is not null)
            await after.CompleteSuccessfullyAsync();
        await after.AssertClosedAsync();
    }

    private static async Task AssertWaitingForAsync(SlotScene scene, LocalNode dead)
    {
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => scene.PlanAsync());
        Assert.Equal((FailureCode.NodeUnreachable, dead.Endpoint.ToString()), (refusal.Code, refusal.Subject));
        Assert.StartsWith("Get-RedisClusterNode -Node " + dead.Endpoint, refusal.NextStep(), StringComparison.Ordinal);
        Assert.Contains("(start it now, while the slot is open", refusal.NextStep(), StringComparison.Ordinal);
    }

    private static async Task CompleteAsync(string server, SlotScene scene, RedisOpenSlotState onRedis)
    {
        var carried = server.StartsWith("valkey-");
        await scene.AssertOpenAsync(carried ? RedisOpenSlotState.Migrating : onRedis, Keys - Moved, Moved);
        Assert.Equal(Keys - Moved, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    // A manual failover: the old master becomes a replica.
    private static async Task<LocalNode> PromoteAsync(TestCluster cluster, LocalNode master)
    {
        var replica = await ReplicaOfAsync(cluster, master);
        await TestCluster.PromoteAsync(replica);
        await UntilMasterAsync(replica);
        await UntilKnownAsync(cluster, replica);
        await UntilAsync(async () => !(await TestCluster.OwnLineOfAsync(master)).IsMaster);
        return replica;
    }

    // An election after the master died.
    private static async Task<LocalNode> SucceedAsync(TestCluster cluster, LocalNode master)
    {
        var replica = await ReplicaOfAsync(cluster, master);
        master.Kill();
        await UntilMasterAsync(replica);
        await UntilKnownAsync(cluster, replica);
        return replica;
    }

    private static async Task<LocalNode> ReplicaOfAsync(TestCluster cluster, LocalNode master) =>
        cluster.NodeOf(
            (await TestCluster.ViewOfAsync(master)).First(line => line.MasterId == master.Id && (line.Flags & NodeFlags.Fail) == 0).Id);

    // A Redis node ignores gossip about a slot that it imports, so the nodes never agree about every slot.
    private static Task UntilKnownAsync(TestCluster cluster, LocalNode master) => UntilAsync(async () =>
    {
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning))
        {
            if (!(await TestCluster.ViewOfAsync(node)).Any(line => line.Id == master.Id && line.IsMaster && line.Slots.Count > 0))
                return false;
        }

        return true;
    });

    private static Task UntilMasterAsync(LocalNode node) =>
        UntilAsync(async () => (await TestCluster.OwnLineOfAsync(node)) is { IsMaster: true, Slots.Count: > 0 });

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var until = DateTime.UtcNow.AddSeconds(60);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < until, "The failover did not finish within a minute.");
            await Task.Delay(50);
        }
    }

    /// <summary>Three masters with slots and a replica each. They keep their keys on disk and fail over quickly.</summary>
    public sealed class Clusters : IAsyncDisposable
    {
        private readonly Dictionary<string, TestCluster> _clusters = [];

        /// <summary>Wedges a slot and waits until the replicas have every key.</summary>
        /// <param name="source">The shard that owns the slot.</param>
        /// <param name="target">The shard to move it to. It has slots, because a master without slots has no failover on Redis.</param>
        internal async Task<SlotScene> WedgedAsync(string server, int slot, int source, int target, int keys = Keys)
        {
            if (!_clusters.TryGetValue(server, out var cluster))
            {
                _clusters[server] = cluster = await TestCluster.StartAsync(server, masters: 3, replicas: 3, with: options => options with
                {
                    Slots = LocalClusterOptions.SharesFor(3, 3),
                    NodeTimeout = TimeSpan.FromSeconds(2),
                    AppendOnly = true,
                    // Otherwise a replica would migrate to a shard that has none for the moment.
                    ConfigLines = ["cluster-migration-barrier 9"],
                });
            }

            // The changes of the test before take a while to reach every node.
            await cluster.Cluster.WaitUntilAgreedAsync();
            var scene = new SlotScene(cluster, slot, await MasterOfShardAsync(cluster, source), await MasterOfShardAsync(cluster, target));
            await scene.WedgeAsync(keys, Moved);
            await UntilReplicatedAsync(cluster);
            return scene;
        }

        /// <summary>Restarts a dead node and makes it a replica of its successor.</summary>
        /// <remarks>By default it replicates the master that took its last slot, which may be the target.</remarks>
        internal static async Task ReviveAsync(TestCluster cluster, LocalNode node, LocalNode successor)
        {
            await node.RestartAsync();
            await UntilAsync(async () => (await TestCluster.OwnLineOfAsync(node)).Slots.Count == 0);
            await UntilAsync(async () => (await node.AskAsync("CLUSTER", "REPLICATE", successor.Id)).Text == "OK");
            foreach (var other in cluster.Nodes)
                await UntilAsync(
                    async () => (await TestCluster.ViewOfAsync(other)).Any(line => line.Id == node.Id && line.MasterId == successor.Id));
            await UntilAsync(async () => (await node.SendAsync("INFO", "replication")).Text.Contains("master_link_status:up"));
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var cluster in _clusters.Values)
                await cluster.DisposeAsync();
        }

        // A shard is its first master and that master's replica.
        private static async Task<LocalNode> MasterOfShardAsync(TestCluster cluster, int shard)
        {
            var first = cluster.Node(shard);
            return (await TestCluster.OwnLineOfAsync(first)).IsMaster ? first : cluster.Node(shard + 3);
        }

        // Compares offsets, because Redis 8.6 counts no keys of an importing slot on a replica.
        private static async Task UntilReplicatedAsync(TestCluster cluster)
        {
            foreach (var line in (await TestCluster.ViewOfAsync(cluster.Node(0))).Where(line => line.MasterId is not null))
            {
                var master = await OffsetAsync(cluster.NodeOf(line.MasterId!));
                await UntilAsync(async () => await OffsetAsync(cluster.NodeOf(line.Id)) >= master);
            }
        }

        private static async Task<long> OffsetAsync(LocalNode node) =>
            ServerFacts.Parse((await node.SendAsync("INFO", "replication")).Text).Number("master_repl_offset")!.Value;
    }
}
