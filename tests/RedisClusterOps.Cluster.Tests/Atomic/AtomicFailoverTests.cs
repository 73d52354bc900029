using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Traffic;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Atomic;

/// <summary>A fault of the source or the target during a move.</summary>
public enum EndFault
{
    SourceFailsOver,
    TargetFailsOver,
    SourceDies,
    TargetDies,
    TargetHangs,
    TargetHangsTooLong,
}

/// <summary>
/// The source or the target fails over to its replica, dies or hangs during an atomic move while clients write. The move succeeds or
/// reports its failure, and another move between the current masters does the rest.
/// </summary>
public sealed class AtomicFailoverTests(ITestOutputHelper output)
{
    private const int Shards = 4;

    // Longer than the snapshot takes, but too short for a failover.
    private static readonly TimeSpan ShortHang = TimeSpan.FromSeconds(3.5);

    // Each case takes many seconds, so the short proof has two.
    public static TheoryData<string, EndFault> Cases
    {
        get
        {
            var cases = new TheoryData<string, EndFault>();
            foreach (var server in AtomicScene.Able.Select(row => row.Data))
            {
                foreach (var trouble in Enum.GetValues<EndFault>())
                {
                    if (KillCase.IsFullProof
                        || (server, trouble) is (Servers.Redis86, EndFault.SourceFailsOver) or (Servers.Valkey91, EndFault.TargetFailsOver))
                    {
                        cases.Add(server, trouble);
                    }
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task No_write_is_lost_when_the_source_or_target_fails(string server, EndFault trouble)
    {
        await using var scene = await StartAsync(server, TimeSpan.FromSeconds(trouble == EndFault.TargetHangs ? 20 : 2));
        var (from, to) = (await MasterAsync(scene, 0), await MasterAsync(scene, 1));
        var end = trouble is EndFault.SourceFailsOver or EndFault.SourceDies ? from : to;
        var replica = await ReplicaAsync(scene, end);
        var fresh = new FreshKeys(scene.Cluster, scene.Slots);
        using var enough = new CancellationTokenSource();
        // Every server loses writes that a replica had not received when its master died, so there are no writes in that case.
        var dies = trouble is EndFault.SourceDies or EndFault.TargetDies;
        var writing = dies ? Task.CompletedTask : fresh.RunAsync(enough.Token);
        if (!dies)
            await fresh.UntilAsync(100);

        await scene.SlowAsync(250);
        var moving = scene.MoveAsync(source: from, target: to);
        await scene.UntilTransferringAsync(from);
        var failsOver = trouble is EndFault.SourceFailsOver or EndFault.TargetFailsOver;
        await (dies ? DieAsync(end, replica) : failsOver ? TestCluster.PromoteAsync(replica) : HangAsync(end, replica, trouble));
        await ReportAsync(moving, server + ", " + trouble);
        await scene.SlowAsync(0);
        await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        await scene.MoveAsync(source: await MasterAsync(scene, 0), target: await MasterAsync(scene, 1));

        if (!dies)
            await fresh.UntilAsync(100);
        await enough.CancelAsync();
        await writing;
        Assert.Empty(await fresh.MissingAsync());
        await AssertConsistentAsync(scene);
    }

    private static async Task<AtomicScene> StartAsync(string server, TimeSpan nodeTimeout)
    {
        var scene = await AtomicScene.StartAsync(server, replicas: Shards, with: options => options with
        {
            AppendOnly = true,
            NodeTimeout = nodeTimeout,
            ConfigLines = ["cluster-migration-barrier 9"],
        });
        await scene.WriteAsync(30_000);
        foreach (var master in scene.Cluster.Masters)
            Assert.Equal(1, (await master.SendAsync("WAIT", 1, 20_000)).Integer);
        return scene;
    }

    private static async Task DieAsync(LocalNode end, LocalNode replica)
    {
        end.Kill();
        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(replica)).IsMaster);
        await end.RestartAsync();
    }

    private static async Task HangAsync(LocalNode end, LocalNode replica, EndFault trouble)
    {
        end.Stop();
        if (trouble == EndFault.TargetHangsTooLong)
            await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(replica)).IsMaster);
        else
            await Task.Delay(ShortHang);
        end.Continue();
    }

    private async Task ReportAsync(Task moving, string what)
    {
        try
        {
            await moving.WaitAsync(TimeSpan.FromSeconds(90));
            output.WriteLine("{0}: moved", what);
        }
        catch (RedisOperationException failure)
        {
            output.WriteLine("{0}: {1}: {2}", what, failure.Code, failure.Message);
            Assert.True(failure.Code is FailureCode.StalePlan or FailureCode.SlotNotOwned, failure.Message);
        }
    }

    // Every key is on the owner of its slot, and no other master has a hidden copy.
    private static async Task AssertConsistentAsync(AtomicScene scene)
    {
        var masters = await Task.WhenAll(Enumerable.Range(0, Shards).Select(shard => MasterAsync(scene, shard)));
        await scene.AssertOwnerAsync(masters[1]);
        await scene.AssertKeysAsync(slot => masters[scene.Slots.Contains(slot) ? 1 : Math.Min(2, slot / 5461)]);
        List<RespCommand> counts = [.. scene.Slots.Slots.Select(slot => RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot))];
        foreach (var other in masters.Where(master => master != masters[1]))
        {
            using var connection = await other.ConnectAsync();
            await KillScene.UntilAsync(async () => (await connection.SendAsync(counts, null, default)).All(count => count.Integer == 0));
        }
    }

    // A shard is its first master and that master's replica.
    private static async Task<LocalNode> MasterAsync(AtomicScene scene, int shard)
    {
        var first = scene.Cluster.Node(shard);
        return (await TestCluster.OwnLineOfAsync(first)).IsMaster ? first : scene.Cluster.Node(shard + Shards);
    }

    private static async Task<LocalNode> ReplicaAsync(AtomicScene scene, LocalNode master) =>
        scene.Cluster.NodeOf((await TestCluster.ViewOfAsync(master)).First(line => line.MasterId == master.Id).Id);
}
