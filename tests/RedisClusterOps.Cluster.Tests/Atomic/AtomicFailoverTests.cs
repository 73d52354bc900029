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

/// <summary>What happens to an end of a move, in its middle.</summary>
public enum EndTrouble
{
    SourceHandsOver,
    TargetHandsOver,
    SourceDies,
    TargetDies,
    TargetHangs,
    TargetHangsTooLong,
}

/// <summary>
/// An end hands over to its replica, dies or hangs while the servers move its slots and clients write: the move ends well or says that it did
/// not, and another go, between the masters that there are then, does the rest.
/// </summary>
public sealed class AtomicFailoverTests(ITestOutputHelper output)
{
    private const int Shards = 4;

    // Longer than the snapshot takes, and too short for a failover.
    private static readonly TimeSpan ShortHang = TimeSpan.FromSeconds(3.5);

    // Each takes many seconds, so a usual run has two.
    public static TheoryData<string, EndTrouble> Cases
    {
        get
        {
            var cases = new TheoryData<string, EndTrouble>();
            foreach (var server in AtomicScene.Able.Select(row => row.Data))
            {
                foreach (var trouble in Enum.GetValues<EndTrouble>())
                {
                    if (KillCase.IsFullProof || (server, trouble) is (Servers.Redis86, EndTrouble.SourceHandsOver) or (Servers.Valkey91, EndTrouble.TargetHandsOver))
                        cases.Add(server, trouble);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Trouble_with_an_end_costs_no_write(string server, EndTrouble trouble)
    {
        await using var scene = await StartAsync(server, TimeSpan.FromSeconds(trouble == EndTrouble.TargetHangs ? 20 : 2));
        var (from, to) = (await MasterAsync(scene, 0), await MasterAsync(scene, 1));
        var end = trouble is EndTrouble.SourceHandsOver or EndTrouble.SourceDies ? from : to;
        var replica = await ReplicaAsync(scene, end);
        var fresh = new FreshKeys(scene.Cluster, scene.Slots);
        using var enough = new CancellationTokenSource();
        // What a replica had not got when its master died is lost by any server, so nobody writes then.
        var dies = trouble is EndTrouble.SourceDies or EndTrouble.TargetDies;
        var writing = dies ? Task.CompletedTask : fresh.RunAsync(enough.Token);
        if (!dies)
            await fresh.UntilAsync(100);

        await scene.SlowAsync(250);
        var moving = scene.MoveAsync(source: from, target: to);
        await scene.UntilUnderWayAsync(from);
        await (dies ? DieAsync(end, replica) : trouble is EndTrouble.SourceHandsOver or EndTrouble.TargetHandsOver ? TestCluster.PromoteAsync(replica) : HangAsync(end, replica, trouble));
        await TellAsync(moving, server + ", " + trouble);
        await scene.SlowAsync(0);
        await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        await scene.MoveAsync(source: await MasterAsync(scene, 0), target: await MasterAsync(scene, 1));

        if (!dies)
            await fresh.UntilAsync(100);
        await enough.CancelAsync();
        await writing;
        Assert.Empty(await fresh.MissingAsync());
        await AssertInOrderAsync(scene);
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

    private static async Task HangAsync(LocalNode end, LocalNode replica, EndTrouble trouble)
    {
        end.Stop();
        if (trouble == EndTrouble.TargetHangsTooLong)
            await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(replica)).IsMaster);
        else
            await Task.Delay(ShortHang);
        end.Continue();
    }

    private async Task TellAsync(Task moving, string what)
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

    // Every key is with its slot's owner, and no other master hides one.
    private static async Task AssertInOrderAsync(AtomicScene scene)
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

    // A shard is the node that began as its master and that one's replica.
    private static async Task<LocalNode> MasterAsync(AtomicScene scene, int shard)
    {
        var first = scene.Cluster.Node(shard);
        return (await TestCluster.OwnLineOfAsync(first)).IsMaster ? first : scene.Cluster.Node(shard + Shards);
    }

    private static async Task<LocalNode> ReplicaAsync(AtomicScene scene, LocalNode master) =>
        scene.Cluster.NodeOf((await TestCluster.ViewOfAsync(master)).First(line => line.MasterId == master.Id).Id);
}
