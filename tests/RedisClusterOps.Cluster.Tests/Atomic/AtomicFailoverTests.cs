using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Traffic;
using RedisClusterOps.Console.Lab;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Atomic;

/// <summary>
/// An end hands over to its replica, dies or hangs while the servers move its slots and clients write: the move ends well or says that it did
/// not, and another go, between the masters that there are then, does the rest.
/// </summary>
public sealed class AtomicFailoverTests(ITestOutputHelper output)
{
    private const int Shards = 4;

    private Task _moving = Task.CompletedTask;

    [Theory]
    [MemberData(nameof(AtomicScene.Able), MemberType = typeof(AtomicScene))]
    public async Task An_end_that_hands_over_to_its_replica_costs_no_write(string server)
    {
        await using var scene = await StartAsync(server);
        foreach (var ofSource in new[] { true, false })
        {
            var (from, to) = (await MasterAsync(scene, 0), await MasterAsync(scene, 1));
            var replica = await ReplicaAsync(scene, ofSource ? from : to);
            var missing = await WhileWritingAsync(scene, async () =>
            {
                await BeginAsync(scene, from, to, () => TestCluster.PromoteAsync(replica));
                await EndAsync(scene, server + ", " + (ofSource ? "source" : "target") + " handed over");
            });
            Assert.Empty(missing);
            await AssertInOrderAsync(scene);
            // And back, for the other end's turn.
            await scene.MoveAsync(source: await MasterAsync(scene, 1), target: await MasterAsync(scene, 0));
        }
    }

    public static TheoryData<string, bool> Deaths
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            // An election takes seconds, so a usual run has one.
            foreach (var server in AtomicScene.Able.Select(row => row.Data))
            {
                if (KillCase.IsFullProof || server == Servers.Valkey91)
                    cases.Add(server, true);
                if (KillCase.IsFullProof)
                    cases.Add(server, false);
            }

            return cases;
        }
    }

    // What a replica had not got when its master died is lost by any server, so nobody writes meanwhile.
    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task An_end_that_dies_is_followed_by_its_replica_with_every_key(string server, bool ofSource)
    {
        await using var scene = await StartAsync(server);
        scene.Limits = scene.Limits with { Silence = TimeSpan.FromSeconds(10) };
        var (from, to) = (await MasterAsync(scene, 0), await MasterAsync(scene, 1));
        var dying = ofSource ? from : to;
        var replica = await ReplicaAsync(scene, dying);
        await BeginAsync(scene, from, to, async () =>
        {
            dying.Kill();
            await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(replica)).IsMaster);
        });
        await dying.RestartAsync();
        await EndAsync(scene, server + ", " + (ofSource ? "source" : "target") + " died");
        await AssertInOrderAsync(scene);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.Able), MemberType = typeof(AtomicScene))]
    public async Task A_target_that_hangs_for_a_while_costs_no_write(string server)
    {
        await using var scene = await StartAsync(server);
        var (from, to) = (await MasterAsync(scene, 0), await MasterAsync(scene, 1));
        var missing = await WhileWritingAsync(scene, async () =>
        {
            await BeginAsync(scene, from, to, async () =>
            {
                to.Stop();
                // Longer than the cluster bears it, and than the snapshot takes.
                await Task.Delay(3500);
                to.Continue();
            });
            await EndAsync(scene, server + ", target hung");
        });
        Assert.Empty(missing);
        await AssertInOrderAsync(scene);
    }

    private static async Task<AtomicScene> StartAsync(string server)
    {
        var scene = await AtomicScene.StartAsync(server, replicas: Shards, with: options => options with
        {
            AppendOnly = true,
            NodeTimeout = TimeSpan.FromSeconds(2),
            ConfigLines = ["cluster-migration-barrier 9"],
        });
        await scene.WriteAsync(30_000);
        foreach (var master in scene.Cluster.Masters)
            Assert.Equal(1, (await master.SendAsync("WAIT", 1, 20_000)).Integer);
        return scene;
    }

    // A move of about two seconds, with something happening in its middle.
    private async Task BeginAsync(AtomicScene scene, LocalNode from, LocalNode to, Func<Task> happens)
    {
        await scene.SlowAsync(250);
        _moving = scene.MoveAsync(source: from, target: to);
        await scene.UntilUnderWayAsync(from);
        await happens();
    }

    private async Task EndAsync(AtomicScene scene, string what)
    {
        try
        {
            await _moving.WaitAsync(TimeSpan.FromSeconds(90));
            output.WriteLine("{0}: moved", what);
        }
        catch (RedisOperationException failure)
        {
            output.WriteLine("{0}: {1}: {2}", what, failure.Code, failure.Message);
        }

        await scene.SlowAsync(0);
        await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        var outcome = await scene.MoveAsync(source: await MasterAsync(scene, 0), target: await MasterAsync(scene, 1));
        output.WriteLine("{0}: another go made {1} attempts", what, outcome.Attempts);
    }

    private static async Task<IReadOnlyList<string>> WhileWritingAsync(AtomicScene scene, Func<Task> something)
    {
        var fresh = new FreshKeys(scene.Cluster, scene.Slots);
        using var end = new CancellationTokenSource();
        var writing = fresh.RunAsync(end.Token);
        await fresh.UntilAsync(100);
        await something();
        await fresh.UntilAsync(100);
        await end.CancelAsync();
        await writing;
        return await fresh.MissingAsync();
    }

    // Every key is with its slot's owner, and no other master hides one.
    private static async Task AssertInOrderAsync(AtomicScene scene)
    {
        var masters = await Task.WhenAll(Enumerable.Range(0, Shards).Select(shard => MasterAsync(scene, shard)));
        await scene.AssertOwnerAsync(masters[1]);
        await scene.AssertKeysAsync(slot => scene.Slots.Contains(slot) ? masters[1] : masters[Math.Min(2, slot / 5461)]);
        foreach (var other in masters.Where(master => master != masters[1]))
        {
            using var connection = await other.ConnectAsync();
            await KillScene.UntilAsync(async () =>
                (await connection.SendAsync([.. scene.Slots.Slots.Select(slot => RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot))], null, default)).All(count => count.Integer == 0));
        }
    }

    // A shard is the node that began as its master and that one's replica.
    private static async Task<LocalNode> MasterAsync(AtomicScene scene, int shard)
    {
        var first = scene.Cluster.Node(shard);
        return first.IsRunning && (await TestCluster.OwnLineOfAsync(first)).IsMaster ? first : scene.Cluster.Node(shard + Shards);
    }

    private static async Task<LocalNode> ReplicaAsync(AtomicScene scene, LocalNode master) =>
        scene.Cluster.NodeOf((await TestCluster.ViewOfAsync(master)).First(line => line.MasterId == master.Id && (line.Flags & NodeFlags.Fail) == 0).Id);
}
