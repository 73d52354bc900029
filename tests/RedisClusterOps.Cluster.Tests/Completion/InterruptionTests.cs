using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>A run that is stopped, or that is not alone, loses nothing; the same command goes on.</summary>
[Collection(nameof(SharedClusters))]
public sealed class InterruptionTests(SharedClusters clusters)
{
    private static readonly MoveOptions Slowly = new() { MaxKeysPerSecond = 20_000 };

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Stopped_amid_100000_keys_it_answers_within_a_second_and_the_same_command_finishes(string server)
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

        Assert.Equal(left, (await scene.CompleteSurelyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Stopped_before_it_began_it_writes_nothing(string server)
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
        await scene.CompleteSurelyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_second_run_on_the_cluster_is_refused_with_who_is_at_work(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20_000, moved: 100);
        using var log = new OperationLog();
        // Slow enough for a second one to come into it, however busy the machine is.
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
    public async Task Two_runs_from_two_machines_at_the_same_time_lose_no_key(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20_000, moved: 100);

        // Two machines share no lock, as two runs that keep no journal do not.
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => scene.CompleteWithoutJournalAsync())));

        Assert.Contains(outcomes, outcome => outcome.Result.Outcome == MigrationOutcome.Completed);
        Assert.All(outcomes, outcome => Assert.True(
            outcome.Failure?.Code is null or FailureCode.StalePlan or FailureCode.SlotNotOpen or FailureCode.ClusterViewConflict, outcome.Result.Reason));
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Flags_that_somebody_clears_meanwhile_cost_no_key(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20_000, moved: 0);
        using var log = new OperationLog();
        var running = Task.Run(() => scene.CompleteAsync(Slowly, log));
        await UntilMovedAsync(log, 2_000);
        await scene.SetSlotAsync(scene.Source, "STABLE");

        var outcome = await running;

        // The source serves clients by itself again: which copies are the right ones is a person's decision.
        Assert.Equal(FailureCode.SlotStateUnsuitable, outcome.Failure?.Code);
        await scene.AssertKeysAsync(scene.Source, scene.Target);
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.CompleteSurelyAsync();
        await scene.AssertClosedAsync();
    }

    private static Task UntilMovedAsync(OperationLog log, long keys) => Task.Run(() =>
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!(log.TryTake(out var happened, TimeSpan.FromMilliseconds(100)) && happened!.KeysDone >= keys))
            Assert.True(DateTime.UtcNow < until, "No progress was reported.");
    });
}
