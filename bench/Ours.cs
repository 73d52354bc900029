using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>This module, as its cmdlets use the core, including the journal.</summary>
internal static class Ours
{
    /// <summary>The work of Get-RedisOpenSlot: reads and merges the view of every node, and finds open slots.</summary>
    public static Contestant OpenSlots(string name) => On(name, async (redis, _, cancellation) =>
    {
        if (await redis.GetOpenSlotsAsync(null, cancellation) is { Count: > 0 } open)
            throw new InvalidOperationException(open.Count + " slots are open.");
    });

    /// <summary>The work of Test-RedisCluster, which also samples processor usage.</summary>
    public static Contestant Test(string name) => On(name, (redis, _, cancellation) => redis.TestAsync(new HealthOptions(), cancellation));

    /// <summary>
    /// The same on idle servers. Servers whose slots were counted a second ago appear busy, and the check would sample their processors.
    /// </summary>
    /// <param name="deep">Also counts every slot on every master, as with -Deep.</param>
    public static Contestant TestIdle(string name, bool deep) => new(name, Side.Ours, async (cluster, cancellation) =>
    {
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        using var redis = new RedisCluster(cluster!.Session());
        var clock = Stopwatch.StartNew();
        var health = await redis.TestAsync(new HealthOptions { Deep = deep }, cancellation);
        return health.Healthy ? clock.Elapsed : throw new InvalidOperationException(health.Findings.Count + " findings.");
    });

    /// <summary>The work of Repair-RedisCluster.</summary>
    public static Contestant Repair(string name) => On(name, async (redis, options, cancellation) =>
    {
        var plans = await redis.PlanRepairAsync(new RepairOptions(), options, cancellation);
        await CarryOutAsync(redis, plans, cancellation);
    });

    /// <summary>The work of Complete-RedisSlotMigration or Undo-RedisSlotMigration for slots of a pipeline.</summary>
    public static Contestant Together(
        string name,
        int slots,
        Func<RedisCluster, IReadOnlyList<(int Slot, string? Source, string? Target)>, MoveOptions, CancellationToken,
            Task<IReadOnlyList<SlotPlan>>> plan) =>
        On(name, async (redis, options, cancellation) =>
        {
            List<(int, string?, string?)> asked = [.. Enumerable.Range(0, slots).Select(slot => (slot, (string?)null, (string?)null))];
            await CarryOutAsync(redis, await plan(redis, asked, options, cancellation), cancellation);
        });

    /// <summary>The work of Repair-RedisCluster -AllowUnreachableNode after the last master died. Only the repair is timed.</summary>
    public static Contestant RepairWithoutLast(string name) => new(name, Side.Ours, async (cluster, cancellation) =>
    {
        var dead = cluster!.Masters[^1];
        dead.Kill();
        while (!(await cluster.Masters[0].SendAsync("CLUSTER", "INFO")).Text
            .Contains("cluster_slots_fail:" + SlotsOf(cluster), StringComparison.Ordinal))
            await Task.Delay(50, cancellation);
        var clock = new Stopwatch();
        await WithJournalAsync(cluster, new MoveOptions(), async (redis, options) =>
        {
            clock.Start();
            var repair = new RepairOptions { AllowUnreachableNode = true };
            await CarryOutAsync(redis, await redis.PlanRepairAsync(repair, options, cancellation), cancellation);
            clock.Stop();
        });
        await dead.RestartAsync(cancellation);
        return clock.Elapsed;

        static int SlotsOf(BenchCluster cluster) =>
            LocalClusterOptions.SharesFor(cluster.Scenario.Owners, cluster.Scenario.Masters)[^1].Sum(range => range.Count);
    });

    private static async Task CarryOutAsync(RedisCluster redis, IReadOnlyList<SlotPlan> plans, CancellationToken cancellation)
    {
        await redis.RecordPlansAsync(plans, cancellation);
        foreach (var group in RedisCluster.GroupPlans(plans))
        {
            if (group.Count > 1)
                await FollowAsync(await redis.RunTogetherAsync(group, cancellation));
            else
                ThrowIfFailed(await redis.CarryOutAsync(group[0], cancellation));
        }
    }

    /// <summary>The work of Invoke-RedisRebalance.</summary>
    public static Contestant Rebalance(string name, MoveOptions? options = null) => On(
        name,
        async (redis, move, cancellation) =>
        {
            var plan = await redis.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, move, cancellation);
            await MoveAsync(redis, plan, move, cancellation);
        },
        options);

    /// <summary>The work of Move-RedisSlot with the slots of the scenario.</summary>
    public static Contestant Move(string name) => Contestant.On(name, Side.Ours, (cluster, cancellation) =>
        WithJournalAsync(cluster, new MoveOptions(), async (redis, move) =>
        {
            var transfer = cluster.Transfers.Single();
            var selection = new SlotSelection { Slots = [.. transfer.Each], Target = transfer.Target.Id };
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
        Contestant.On(name, Side.Ours, (cluster, cancellation) =>
            WithJournalAsync(cluster, options ?? new MoveOptions(), (redis, move) => work(redis, move, cancellation)));

    private static async Task WithJournalAsync(BenchCluster cluster, MoveOptions options, Func<RedisCluster, MoveOptions, Task> work)
    {
        var journal = System.IO.Directory.CreateTempSubdirectory("redisclusterops-bench-");
        try
        {
            var session = cluster.Session();
            cluster.RoundTrips = new RoundTrips(new NodeConnector(session.Options));
            using var redis = new RedisCluster(session, cluster.RoundTrips, null);
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
