using System;
using System.Diagnostics;
using System.Linq;
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

    /// <summary>What Test-RedisCluster does; it also has a glance at the processors.</summary>
    public static Contestant Test(string name) => On(name, (redis, _, cancellation) => redis.TestAsync(new HealthOptions(), cancellation));

    /// <summary>The same on servers that are at rest: those that were counted slot by slot a second ago seem busy, and their processors would be watched.</summary>
    /// <param name="deep">Also counts every slot on every master, as with -Deep.</param>
    public static Contestant TestRested(string name, bool deep) => new(name, Side.Ours, async (bed, cancellation) =>
    {
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        using var redis = new RedisCluster(bed!.Session());
        var clock = Stopwatch.StartNew();
        var health = await redis.TestAsync(new HealthOptions { Deep = deep }, cancellation);
        return health.Healthy ? clock.Elapsed : throw new InvalidOperationException(health.Findings.Count + " findings.");
    });

    /// <summary>What Repair-RedisCluster does.</summary>
    public static Contestant Repair(string name) => On(name, async (redis, options, cancellation) =>
    {
        var plans = await redis.PlanRepairAsync(new RepairOptions(), options, cancellation);
        redis.Announce(plans);
        await FollowAsync(await redis.RunTogetherAsync([.. plans.Where(RedisCluster.GoesTogether)], cancellation));
        foreach (var plan in plans.Where(plan => !RedisCluster.GoesTogether(plan)))
            ThrowIfFailed(await redis.CarryOutAsync(plan, cancellation));
    });

    /// <summary>What Invoke-RedisRebalance does.</summary>
    public static Contestant Rebalance(string name, MoveOptions? options = null) => On(
        name, async (redis, move, cancellation) => await MoveAsync(redis, await redis.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, move, cancellation), move, cancellation), options);

    /// <summary>What Move-RedisSlot does with the slots of the scene.</summary>
    public static Contestant Move(string name) => Contestant.On(name, Side.Ours, (bed, cancellation) => WithJournalAsync(bed, new MoveOptions(), async (redis, move) =>
    {
        var shift = bed.Shifts.Single();
        var selection = new SlotSelection { Slots = [.. shift.Each], Target = shift.Target.Id };
        await MoveAsync(redis, await redis.PlanMoveAsync(selection, move, cancellation), move, cancellation);
    }));

    private static async Task MoveAsync(RedisCluster redis, RedisRebalancePlan plan, MoveOptions options, CancellationToken cancellation)
    {
        var check = await redis.CheckMovesAsync(plan, options, cancellation);
        await FollowAsync(await redis.RunMovesAsync(check, check.Moves, options, cancellation));
    }

    private static async Task FollowAsync(SlotMoveRun run)
    {
        while (await run.NextAsync() is { } outcomes)
        {
            foreach (var outcome in outcomes)
                ThrowIfFailed(outcome);
        }
    }

    private static Contestant On(string name, Func<RedisCluster, MoveOptions, CancellationToken, Task> work, MoveOptions? options = null) =>
        Contestant.On(name, Side.Ours, (bed, cancellation) => WithJournalAsync(bed, options ?? new MoveOptions(), (redis, move) => work(redis, move, cancellation)));

    private static async Task WithJournalAsync(Bed bed, MoveOptions options, Func<RedisCluster, MoveOptions, Task> work)
    {
        var journal = System.IO.Directory.CreateTempSubdirectory("redisclusterops-bench-");
        try
        {
            using var redis = new RedisCluster(bed.Session());
            await work(redis, options with { JournalPath = journal.FullName });
        }
        finally
        {
            journal.Delete(recursive: true);
        }
    }

    private static void ThrowIfFailed(SlotOutcome outcome)
    {
        if (outcome.Failure is { } failure)
            throw new InvalidOperationException("Slot " + outcome.Result.Slot + ": " + failure.Message, failure);
    }
}
