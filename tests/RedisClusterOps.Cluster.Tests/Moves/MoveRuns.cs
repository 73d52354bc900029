using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Plans carried out as a cmdlet does it.</summary>
internal static class MoveRuns
{
    public static async Task<IReadOnlyList<SlotOutcome>> CarryOutAsync(RedisCluster core, RedisRebalancePlan plan, MoveOptions options, CancellationToken stop = default)
    {
        var run = await core.RunMovesAsync(await core.CheckMovesAsync(plan, options, default), plan.Moves, options, stop);
        var outcomes = new List<SlotOutcome>();
        while (await run.NextAsync() is { } some)
            outcomes.AddRange(some);
        return outcomes;
    }
}
