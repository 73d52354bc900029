using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Traffic;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Atomic;

/// <summary>Moves are stopped near the handover while clients write. No acknowledged write is lost.</summary>
public sealed class AtomicStopTests(ITestOutputHelper output)
{
    private static readonly int Stops = int.TryParse(Environment.GetEnvironmentVariable("RCO_ATOMIC_STOPS"), out var stops) ? stops : 6;

    // The source has granted the slots and delays writes until it learns that they are taken over. If the task were cancelled now, the
    // source would acknowledge the write and lose it with the slots a moment later.
    [Fact]
    public async Task A_stop_during_the_handover_waits_for_it()
    {
        await using var scene = await AtomicScene.StartAsync(
            Servers.Valkey91, with: options => options with { ConfigLines = ["enable-debug-command yes"] });
        await scene.WriteAsync(1000);
        await scene.Target.SendAsync("DEBUG", "SLOTMIGRATION", "PREVENT-FAILOVER", 1);
        using var stop = new CancellationTokenSource();
        var moving = scene.MoveAsync(stop: stop.Token);
        await UntilGrantedAsync(scene);
        await stop.CancelAsync();
        var key = scene.Keys.First(written => scene.Slots.Contains(HashSlot.Of(written.Key))).Key;
        using var client = await scene.Source.ConnectAsync();
        var writing = client.SendAsync([RespCommand.Of("SET", key, "written during the handover")], null, default);
        for (var checks = 0; checks < 20; checks++)
        {
            Assert.Equal("failover-granted", (await scene.ListAsync(scene.Source))[0].State);
            await Task.Delay(10);
        }

        Assert.False(moving.IsCompleted || writing.IsCompleted);
        await scene.Target.SendAsync("DEBUG", "SLOTMIGRATION", "PREVENT-FAILOVER", 0);
        Assert.Equal(1, (await moving.WaitAsync(TimeSpan.FromSeconds(30))).Attempts);
        Assert.StartsWith("MOVED ", (await writing.WaitAsync(TimeSpan.FromSeconds(30)))[0].Text);
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertKeysAsync(scene.AfterMove);
    }

    // Slots move back and forth between two masters that both always have slots. Every move is stopped between its snapshot and its end.
    [Theory]
    [MemberData(nameof(AtomicScene.Able), MemberType = typeof(AtomicScene))]
    public async Task Stops_near_the_handover_lose_no_write(string server)
    {
        var random = TestSeed.NewRandom();
        await using var scene = await AtomicScene.StartAsync(server);
        await scene.WriteAsync(4000);
        var (from, to, moves) = (scene.Source, scene.Cluster.Node(1), 0);
        var fresh = new FreshKeys(scene.Cluster, scene.Slots);
        using var end = new CancellationTokenSource();
        var writing = fresh.RunAsync(end.Token);
        await fresh.UntilAsync(100);
        for (var stops = 0; stops < Stops; stops++)
        {
            using var stop = new CancellationTokenSource();
            var moving = scene.MoveAsync(source: from, target: to, stop: stop.Token);
            await UntilNearAsync(scene, from, moving, random.Next(20));
            await stop.CancelAsync();
            try
            {
                await moving.WaitAsync(TimeSpan.FromSeconds(60));
                (from, to, moves) = (to, from, moves + 1);
            }
            catch (OperationCanceledException)
            {
                await scene.AssertOwnerAsync(from);
            }
        }

        await fresh.UntilAsync(100);
        await end.CancelAsync();
        await writing;
        output.WriteLine("{0}: {1} stops, {2} of them after the handover; {3} writes", server, Stops, moves, fresh.Count);
        Assert.Empty(await fresh.MissingAsync());
        await scene.AssertKeysAsync(slot => scene.Slots.Contains(slot) ? from : scene.BeforeMove(slot));
    }

    private static async Task UntilGrantedAsync(AtomicScene scene)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(5))
        {
            if ((await scene.ListAsync(scene.Source)).Any(task => task.State == "failover-granted"))
                return;
        }

        Assert.Fail("The source did not grant the slots.");
    }

    private static async Task UntilNearAsync(AtomicScene scene, Lab.LocalNode source, Task moving, int late)
    {
        while (!moving.IsCompleted)
        {
            var running = (await scene.ListAsync(source)).FirstOrDefault(task => task.End == AtomicEnd.None);
            var near = running?.State is "snapshotting" or "replicating" or "waiting-to-pause" or "failover-paused" or "failover-granted"
                or "send-bulk-and-stream" or "send-stream" or "handoff-prep" or "handoff";
            if (near && late-- <= 0)
                return;
        }
    }
}
