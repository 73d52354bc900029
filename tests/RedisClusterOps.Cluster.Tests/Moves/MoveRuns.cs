using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Plans carried out as a cmdlet does it.</summary>
internal static class MoveRuns
{
    /// <param name="stopAfter">When to ask it to stop; null for never.</param>
    public static async Task<IReadOnlyList<SlotOutcome>> CarryOutAsync(RedisCluster core, RedisRebalancePlan plan, MoveOptions options, TimeSpan? stopAfter = null)
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
