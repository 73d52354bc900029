using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>A run that is stopped or disturbed by another one loses nothing, and the same command resumes it.</summary>
[Collection(nameof(SharedClusters))]
public sealed class InterruptionTests(SharedClusters clusters)
{
    private static readonly MoveOptions Slowly = new() { MaxKeysPerSecond = 20_000 };

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_run_of_100000_keys_stops_within_a_second_and_the_same_command_finishes_it(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 100_000, moved: 0);
        using var log = new OperationLog();
        using var stop = new CancellationTokenSource();
        var running = Task.Run(() => scene.CompleteAsync(Slowly, log, stop.Token));
        await UntilMovedAsync(log, 5_000);

        var clock = Stopwatch.StartNew();
        await stop.CancelAsync();
        var stopped = await running;
        var answered = clock.Elapsed;

        Assert.InRange(answered, TimeSpan.Zero, TimeSpan.FromSeconds(1.5));
        Assert.Equal((MigrationOutcome.Failed, FailureCode.Stopped), (stopped.Result.Outcome, stopped.Failure!.Code));
        var left = 100_000 - stopped.Result.KeysMoved;
        Assert.InRange(left, 1, 95_000);
        Assert.Contains("Migrating with " + left + " keys left on " + scene.Source.Endpoint, stopped.Result.Reason);
        Assert.Equal("Complete-RedisSlotMigration -Slot " + scene.Slot, stopped.Failure.NextStep());
        await scene.AssertShownAsync(RedisOpenSlotState.Migrating, left, stopped.Result.KeysMoved);
        await scene.AssertKeysAsync(scene.Source, scene.Target);

        Assert.Equal(left, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_run_that_is_stopped_before_it_starts_writes_nothing(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(3);
        await scene.SetSlotAsync(scene.Target, "IMPORTING", scene.Source);
        var watch = await WriteWatch.StartAsync(scene.Cluster);

        var stopped = await Task.Run(async () =>
        {
            using var core = scene.Core();
            var plan = await core.PlanCompletionAsync(scene.Slot, null, null, new MoveOptions(), default);
            return await core.CarryOutAsync(plan, new CancellationToken(canceled: true));
        });

        await watch.AssertNothingWrittenAsync();
        Assert.Equal((MigrationOutcome.Failed, FailureCode.Stopped), (stopped.Result.Outcome, stopped.Failure!.Code));
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_second_run_is_refused_and_the_error_names_the_first_one(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20_000, moved: 100);
        using var log = new OperationLog();
        // Slow enough that the second run starts during the first one, however busy the machine is.
        var first = Task.Run(() => scene.CompleteAsync(new MoveOptions { MaxKeysPerSecond = 4_000 }, log));
        await UntilMovedAsync(log, 1_000);

        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => scene.CompleteAsync());

        Assert.Equal(FailureCode.JournalBusy, refusal.Code);
        Assert.Contains("Complete run ", refusal.Message);
        Assert.Contains("process " + Environment.ProcessId, refusal.Message);
        Assert.Null((await first).Failure);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Concurrent_runs_on_two_machines_lose_no_key(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20_000, moved: 100);

        // Runs on two machines share no lock. Neither do runs without a journal.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => scene.CompleteWithoutLockAsync())));

        Assert.Contains(outcomes, outcome => outcome.Result.Outcome == MigrationOutcome.Completed);
        Assert.All(outcomes, outcome => Assert.True(
            outcome.Failure?.Code is null or FailureCode.StalePlan or FailureCode.SlotNotOpen or FailureCode.ClusterViewConflict,
            outcome.Result.Reason));
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task No_key_is_lost_when_another_tool_clears_a_flag_during_the_run(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20_000, moved: 0);
        using var log = new OperationLog();
        var running = Task.Run(() => scene.CompleteAsync(Slowly, log));
        await UntilMovedAsync(log, 2_000);
        await scene.SetSlotAsync(scene.Source, "STABLE");

        var outcome = await running;

        // The source serves clients alone again, so an operator has to decide which copies are right.
        Assert.Equal(FailureCode.SlotStateUnsuitable, outcome.Failure?.Code);
        await scene.AssertKeysAsync(scene.Source, scene.Target);
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    private static Task UntilMovedAsync(OperationLog log, long keys) => Task.Run(() =>
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!(log.TryTake(out var happened, TimeSpan.FromMilliseconds(100)) && happened!.KeysDone >= keys))
            Assert.True(DateTime.UtcNow < until, "No progress was reported.");
    });
}
