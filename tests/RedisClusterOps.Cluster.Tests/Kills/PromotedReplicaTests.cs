using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>
/// A replica is promoted at one end during an operation. Redis loses that end's flag then; Valkey keeps it. The diagnosis says so, and an
/// undo or a repair brings the slot where it belongs. The test waits for the replica's offset, so no write is lost by replication.
/// </summary>
public sealed class PromotedReplicaTests
{
    /// <param name="work">The operation of the short proof.</param>
    public static TheoryData<string, Work> Cases(Work work)
    {
        var cases = new TheoryData<string, Work>();
        foreach (var server in Servers.RedisAndValkey.Where(KillCase.IsTaken))
        {
            foreach (var each in KillCase.IsFullProof ? [Work.Undo, Work.Repair] : new[] { work })
                cases.Add(server.Data, each);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases), Work.Undo)]
    public async Task By_a_manual_failover_during_the_operation(string server, Work work)
    {
        await using var scene = await StartAsync(server);
        foreach (var ofSource in new[] { true, false })
        {
            var (source, target) = (await MasterOfShardAsync(scene.Cluster, 0), await MasterOfShardAsync(scene.Cluster, 1));
            await scene.BeginAsync(work, source, target);
            using var process = await scene.StartAsync(work, keysPerSecond: 6_000);
            await scene.UntilKeysMoveAsync();
            var replica = await ReplicaOfAsync(scene.Cluster, ofSource ? source : target);
            await TestCluster.PromoteAsync(replica);
            await UntilMasterAsync(scene.Cluster, replica);

            var end = await process.EndAsync();
            TestContext.Current.TestOutputHelper!.WriteLine(
                "{0} {1}, {2} promoted: exit status {3}", server, work, ofSource ? "source's" : "target's", end.ExitCode);
            var after = ofSource ? (Source: replica, Target: target) : (Source: source, Target: replica);
            await EndAsync(scene, work, after.Source, after.Target, resume: ofSource, isFinished: end.ExitCode == 0);
        }
    }

    [Theory]
    [MemberData(nameof(Cases), Work.Repair)]
    public async Task By_an_election_after_the_process_and_the_master_died(string server, Work work)
    {
        await using var scene = await StartAsync(server);
        foreach (var ofSource in new[] { true, false })
        {
            var (source, target) = (await MasterOfShardAsync(scene.Cluster, 0), await MasterOfShardAsync(scene.Cluster, 1));
            await scene.BeginAsync(work, source, target);
            using (var process = await scene.StartAsync(work, keysPerSecond: 6_000))
            {
                await scene.UntilKeysMoveAsync();
                Assert.True(await process.KillAsync());
            }

            var dead = ofSource ? source : target;
            var replica = await ReplicaOfAsync(scene.Cluster, dead);
            await UntilReplicatedAsync(dead, replica);
            dead.Kill();
            await UntilMasterAsync(scene.Cluster, replica);
            await FailoverStateTests.Clusters.ReviveAsync(scene.Cluster, dead, replica);

            var after = ofSource ? (Source: replica, Target: target) : (Source: source, Target: replica);
            var state = server.StartsWith("valkey-", StringComparison.Ordinal) ? RedisOpenSlotState.Migrating
                : ofSource ? RedisOpenSlotState.SourceFailedOver
                : RedisOpenSlotState.TargetFailedOver;
            var shown = await scene.Slot.ShownAsync();
            Assert.Equal(
                (state, after.Source.Id, after.Target.Id),
                (shown?.State, shown?.SourceId, shown?.TargetId));
            await EndAsync(scene, work, after.Source, after.Target, resume: ofSource, isFinished: false);
        }
    }

    private static Task<KillScene> StartAsync(string server) => KillScene.StartAsync(
        server,
        options => options with
        {
            // An empty target could not fail over on Redis.
            Slots = LocalClusterOptions.SharesFor(3, 3),
            NodeTimeout = TimeSpan.FromSeconds(2),
            AppendOnly = true,
            // Otherwise a replica would migrate to a shard that has none at the moment.
            ConfigLines = ["cluster-migration-barrier 9"],
        },
        replicas: 3);

    private static async Task EndAsync(KillScene scene, Work work, LocalNode source, LocalNode target, bool resume, bool isFinished)
    {
        // A replica is refused as the target, and the error says to name its master.
        if (!isFinished)
            (resume ? await scene.ResumeAsync() : await scene.RunAsync(work, target: target)).AssertExited(0);

        await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        await scene.AssertConsistentAsync(work.EndsAtSource() ? source : target);
    }

    // A shard is its first master and that master's replica.
    private static async Task<LocalNode> MasterOfShardAsync(TestCluster cluster, int shard)
    {
        var first = cluster.Node(shard);
        return (await TestCluster.OwnLineOfAsync(first)).IsMaster ? first : cluster.Node(shard + 3);
    }

    private static async Task<LocalNode> ReplicaOfAsync(TestCluster cluster, LocalNode master) =>
        cluster.NodeOf(
            (await TestCluster.ViewOfAsync(master)).First(line => line.MasterId == master.Id && (line.Flags & NodeFlags.Fail) == 0).Id);

    private static async Task UntilMasterAsync(TestCluster cluster, LocalNode replica)
    {
        foreach (var node in cluster.Nodes.Where(node => node.IsRunning))
            await KillScene.UntilAsync(async () => (await TestCluster.ViewOfAsync(node)).Any(IsPromoted));

        bool IsPromoted(NodeLine line) => line.Id == replica.Id && line.IsMaster && line.Slots.Count > 0;
    }

    /// <summary>Waits until the replica has every write of its master.</summary>
    internal static Task UntilReplicatedAsync(LocalNode master, LocalNode replica) =>
        KillScene.UntilAsync(async () => await OffsetAsync(replica) >= await OffsetAsync(master));

    private static async Task<long> OffsetAsync(LocalNode node) =>
        ServerFacts.Parse((await node.SendAsync("INFO", "replication")).Text).Number("master_repl_offset")!.Value;
}
