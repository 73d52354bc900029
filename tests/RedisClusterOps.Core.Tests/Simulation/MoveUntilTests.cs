using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A run with a time limit begins with no further slot after that time, and leaves no slot open.</summary>
public class MoveUntilTests
{
    [Fact]
    public void After_the_time_no_slot_is_touched_and_the_run_names_its_resume()
    {
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
        var (outcomes, early) = Run(scene, new MoveOptions { Until = scene.Cluster.Clock.UtcNow });

        var outcome = Assert.Single(outcomes);
        Assert.Equal((SlotMap.Moving, MigrationOutcome.Skipped), (outcome.Result.Slot, outcome.Result.Outcome));
        Assert.Null(outcome.Failure);
        Assert.Equal("The time for the run was over. Of 1 slot 0 are done, 1 unchanged. No key is lost.", early!.Message);
        Assert.Equal(NextActionCode.Resume, early.Next!.Code);
        Assert.False(scene.IsOpen);
        Assert.Equal(scene.Source.Index, scene.Target.Owner[SlotMap.MovingPart]);
    }

    // The keys take longer than the time.
    [Fact]
    public void A_slot_that_is_open_when_the_time_is_over_is_finished()
    {
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1);
        var until = scene.Cluster.Clock.UtcNow + TimeSpan.FromMilliseconds(500);
        var (outcomes, early) = Run(scene, new MoveOptions { Until = until, BatchSize = 1, MaxKeysPerSecond = 5 });

        Assert.True(scene.Cluster.Clock.UtcNow > until);
        Assert.Equal(MigrationOutcome.Moved, Assert.Single(outcomes).Result.Outcome);
        Assert.Null(early);
        Assert.False(scene.IsOpen);
        Assert.Equal(scene.Target.Index, scene.Source.Owner[SlotMap.MovingPart]);
        scene.Cluster.Ledger.RequireNothingLost();
    }

    private static (IReadOnlyList<SlotOutcome> Outcomes, RedisOperationException? Early) Run(Scene scene, MoveOptions options)
    {
        using var core = new RedisCluster(scene.Session, scene.Cluster, null) { KeepsJournal = false, LooksAhead = false };
        return Operation.ResultOf(RunAsync());

        async Task<(IReadOnlyList<SlotOutcome>, RedisOperationException?)> RunAsync()
        {
            options = options with { Method = MoveMethod.KeyByKey };
            (int, string, string)[] moves = [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)];
            var plan = await core.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
            var run = await core.RunMovesAsync(plan, plan.Moves, options, default);
            var outcomes = new List<SlotOutcome>();
            while (await run.NextAsync() is { } some)
                outcomes.AddRange(some);
            return (outcomes, run.EndedEarly);
        }
    }
}
