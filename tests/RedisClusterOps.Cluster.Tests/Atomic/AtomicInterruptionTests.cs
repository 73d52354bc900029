using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Atomic;

/// <summary>An atomic move is stopped, abandoned, adopted again, or loses one of its nodes.</summary>
public sealed class AtomicInterruptionTests
{
    // About 7000 keys of 4096 slots at 0.4 ms each: three seconds.
    private const int Keys = 28_000;
    private const int Slow = 400;

    // As long as the move takes.
    private static readonly TimeSpan Freeze = TimeSpan.FromSeconds(3);

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task A_stopped_move_leaves_the_owner_and_no_task(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        using var stop = new CancellationTokenSource();
        var moving = scene.MoveAsync(stop: stop.Token);
        await scene.UntilTransferringAsync();
        await stop.CancelAsync();
        var watch = Stopwatch.StartNew();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => moving);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(3), "The stop took " + watch.Elapsed);
        Assert.True(await scene.IsIdleAsync());
        Assert.Equal(AtomicEnd.Cancelled, (await scene.ListAsync(scene.IsValkey ? scene.Source : scene.Target))[0].End);
        await scene.AssertOwnerAsync(scene.Source);
        await scene.AssertKeysAsync(scene.BeforeMove);

        // Another move is possible.
        await scene.SlowAsync(0);
        Assert.Equal((false, 1), ((await scene.MoveAsync()) is var outcome ? (outcome.Adopted, outcome.Attempts) : default));
        await scene.AssertKeysAsync(scene.AfterMove);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task A_task_in_progress_is_adopted(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        await scene.StartByHandAsync(scene.Source, scene.Target, scene.Slots);
        await scene.UntilTransferringAsync();
        var outcome = await scene.MoveAsync();
        Assert.Equal((true, 1), (outcome.Adopted, outcome.Attempts));
        Assert.Single(await scene.ListAsync(scene.Target));
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertKeysAsync(scene.AfterMove);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task A_task_for_more_slots_is_awaited_and_a_stop_does_not_cancel_it(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        await scene.StartByHandAsync(scene.Source, scene.Target, scene.Slots);
        await scene.UntilTransferringAsync();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => scene.MoveAsync(SlotSet.From([new SlotRange(5, 9)]), stop: stop.Token));
        Assert.Contains("so this run does not cancel it", left.Message);
        await scene.UntilIdleAsync();
        await scene.AssertOwnerAsync(scene.Target);
    }

    // A Redis target imports from one source at a time. The other task is not touched.
    [Fact]
    public async Task A_move_waits_for_another_task_on_the_target_and_reports_it()
    {
        await using var scene = await SlowSceneAsync(Servers.Redis86);
        var others = SlotSet.From([new SlotRange(6000, 9000)]);
        await scene.StartByHandAsync(scene.Cluster.Node(1), scene.Target, others);
        var moving = scene.MoveAsync();
        await scene.UntilAsync(() => scene.Notices.Any(text => text.StartsWith("waits for another migration", StringComparison.Ordinal)));
        await scene.SlowAsync(0);
        await moving;
        Assert.Contains(scene.Notices, text => text.StartsWith("waits for another migration: 3001 slots (6000-9000) are being migrated"));
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertOwnerAsync(scene.Target, others);
    }

    [Fact]
    public async Task The_wait_for_another_task_times_out()
    {
        await using var scene = await SlowSceneAsync(Servers.Redis86);
        scene.Limits = scene.Limits with { Turn = TimeSpan.FromMilliseconds(500) };
        await scene.StartByHandAsync(scene.Cluster.Node(1), scene.Target, SlotSet.From([new SlotRange(6000, 10000)]));
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => scene.MoveAsync());
        Assert.Equal(FailureCode.AnotherToolAtWork, failure.Code);
        Assert.Contains("No slot was transferred", failure.Message);
        Assert.False(await scene.IsIdleAsync());
    }

    // Valkey can cancel only all exports of a node together.
    [Fact]
    public async Task An_export_of_another_tool_is_never_cancelled()
    {
        await using var scene = await SlowSceneAsync(Servers.Valkey91);
        var others = SlotSet.From([new SlotRange(4200, 5000)]);
        await scene.StartByHandAsync(scene.Source, scene.Cluster.Node(1), others);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scene.MoveAsync(stop: stop.Token));
        Assert.Contains("The servers are still moving 4096 slots", left.Message);
        Assert.Contains("of another run or tool", left.Message);
        Assert.False(await scene.IsIdleAsync());
        await scene.UntilIdleAsync();
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertOwnerAsync(scene.Cluster.Node(1), others);
        await scene.AssertKeysAsync(slot => others.Contains(slot) ? scene.Cluster.Node(1) : scene.AfterMove(slot));
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task A_target_that_dies_receives_no_slots(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        scene.Limits = scene.Limits with { Silence = TimeSpan.FromSeconds(2) };
        var moving = scene.MoveAsync();
        await scene.UntilTransferringAsync();
        scene.Target.Kill();
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => moving.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(FailureCode.NodeUnreachable, failure.Code);
        Assert.Contains("According to " + scene.Source.Endpoint + ", no slot was transferred", failure.Message);
        await scene.AssertOwnerAsync(scene.Source);
        await scene.AssertKeysAsync(scene.BeforeMove);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task A_restarted_target_receives_the_slots_at_a_later_attempt(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        var moving = scene.MoveAsync();
        await scene.UntilTransferringAsync();
        scene.Target.Kill();
        await scene.Target.RestartAsync();
        var outcome = await moving.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.InRange(outcome.Attempts, 2, 3);
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertKeysAsync(scene.AfterMove);
        Assert.Equal(Keys, await scene.CountAllKeysAsync());
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task A_source_that_dies_is_reported_in_time(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        scene.Limits = scene.Limits with { Silence = TimeSpan.FromSeconds(2) };
        var moving = scene.MoveAsync();
        await scene.UntilTransferringAsync();
        scene.Source.Kill();
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => moving.WaitAsync(TimeSpan.FromSeconds(40)));
        Assert.Equal(FailureCode.NodeUnreachable, failure.Code);
        Assert.Contains("According to " + scene.Target.Endpoint + ", no slot was transferred", failure.Message);
        await scene.UntilIdleAsync();
        await scene.AssertOwnerAsync(scene.Source);
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task A_move_waits_for_a_source_that_is_frozen_for_seconds(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        var moving = scene.MoveAsync();
        await scene.UntilTransferringAsync();
        scene.Source.Stop();
        await Task.Delay(Freeze);
        scene.Source.Continue();
        var outcome = await moving.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.InRange(outcome.Attempts, 1, 3);
        await scene.AssertOwnerAsync(scene.Target);
        await scene.AssertKeysAsync(scene.AfterMove);
        Assert.Equal(Keys, await scene.CountAllKeysAsync());
    }

    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Valkey91, MemberType = typeof(AtomicScene))]
    public async Task A_task_that_another_tool_cancels_is_not_restarted(string server)
    {
        await using var scene = await SlowSceneAsync(server);
        var moving = scene.MoveAsync();
        await scene.UntilTransferringAsync();
        // The move would restart a task that is cancelled before the move knows of it.
        await scene.UntilAsync(() => scene.Ours.Ids.Count > 0);
        if (scene.IsValkey)
            await scene.Source.SendAsync("CLUSTER", "CANCELSLOTMIGRATIONS");
        else
            await scene.Target.SendAsync("CLUSTER", "MIGRATION", "CANCEL", "ALL");
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => moving.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(FailureCode.AnotherToolAtWork, failure.Code);
        Assert.Contains("No slot was transferred", failure.Message);
        Assert.Single(await scene.ListAsync(scene.Target));
        await scene.AssertOwnerAsync(scene.Source);
    }

    private static async Task<AtomicScene> SlowSceneAsync(string server)
    {
        var scene = await AtomicScene.StartAsync(server, appendOnly: true);
        await scene.WriteAsync(Keys);
        await scene.SlowAsync(Slow);
        return scene;
    }
}
