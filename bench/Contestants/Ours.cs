using System;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>This module, as its cmdlets use it, journal included.</summary>
internal static class Ours
{
    /// <summary>What Get-RedisOpenSlot does: everybody's view, merged, and every slot that is not in order.</summary>
    public static Contestant OpenSlots(string name) => On(name, async (redis, _, cancellation) =>
    {
        if (await redis.GetOpenSlotsAsync(null, cancellation) is { Count: > 0 } open)
            throw new InvalidOperationException(open.Count + " slots are open.");
    });

    /// <summary>What Test-RedisCluster does; it also watches the processors for a moment.</summary>
    public static Contestant Test(string name) => On(name, (redis, _, cancellation) => redis.TestAsync(new HealthOptions(), cancellation));

    /// <summary>What Repair-RedisCluster does.</summary>
    public static Contestant Repair(string name) => On(name, async (redis, options, cancellation) =>
    {
        var plans = await redis.PlanRepairAsync(new RepairOptions(), options, cancellation);
        redis.Announce(plans);
        foreach (var plan in plans)
            ThrowIfFailed(await redis.CarryOutAsync(plan, cancellation));
    });

    private static Contestant On(string name, Func<RedisCluster, MoveOptions, CancellationToken, Task> work, MoveOptions? options = null) =>
        Contestant.On(name, Side.Ours, async (bed, cancellation) =>
        {
            var journal = System.IO.Directory.CreateTempSubdirectory("redisclusterops-bench-");
            try
            {
                using var redis = new RedisCluster(bed.Session());
                await work(redis, (options ?? new MoveOptions()) with { JournalPath = journal.FullName }, cancellation);
            }
            finally
            {
                journal.Delete(recursive: true);
            }
        });

    private static void ThrowIfFailed(SlotOutcome outcome)
    {
        if (outcome.Failure is { } failure)
            throw new InvalidOperationException("Slot " + outcome.Result.Slot + ": " + failure.Message, failure);
    }
}
