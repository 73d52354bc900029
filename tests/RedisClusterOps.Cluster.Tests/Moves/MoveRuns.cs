using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Carries out plans as a cmdlet does.</summary>
internal static class MoveRuns
{
    /// <param name="stopAfter">The time after which to stop the run; by default it is not stopped.</param>
    public static async Task<IReadOnlyList<SlotOutcome>> CarryOutAsync(
        RedisCluster core, RedisRebalancePlan plan, MoveOptions options, TimeSpan? stopAfter = null)
    {
        using var stop = new CancellationTokenSource();
        var run = await core.RunMovesAsync(await core.CheckMovesAsync(plan, options, default), plan.Moves, options, stop.Token);
        if (stopAfter is { } time)
            stop.CancelAfter(time);
        var outcomes = new List<SlotOutcome>();
        while (await run.NextAsync() is { } some)
            outcomes.AddRange(some);
        return outcomes;
    }
}
