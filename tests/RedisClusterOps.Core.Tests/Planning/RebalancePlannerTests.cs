using System;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>What a rebalance plan is, and what it is refused for.</summary>
public sealed class RebalancePlannerTests(ITestOutputHelper output)
{
    private const string Atomic = "redis_version:8.6.3";

    internal static readonly PlannedCluster Uneven = PlannedCluster.Runs(10000, 6384);

    [Fact]
    public void A_new_master_takes_over_the_lowest_slots_of_each_other_the_largest_surplus_first()
    {
        var plan = PlannedCluster.Runs(5461, 5462, 5461, 0).Plan(new RebalanceOptions { UseEmptyMaster = true });
        Assert.Equal(
            [
                "1366 slots from 10.0.0.2:6379 to 10.0.0.4:6379: 5461-6826",
                "1365 slots from 10.0.0.1:6379 to 10.0.0.4:6379: 0-1364",
                "1365 slots from 10.0.0.3:6379 to 10.0.0.4:6379: 10923-12287",
            ],
            plan.Moves.Select(move => move.ToString()));
        Assert.Equal([4096, 4096, 4096, 4096], plan.After.Select(share => share.SlotCount));
        Assert.Equal([25, 25, 25, 25], plan.After.Select(share => share.Share));
        Assert.Equal((1366, 136_600), (plan.Moves[0].EstimatedKeys, plan.Moves[0].EstimatedBytes));
    }

    [Fact]
    public void A_limited_plan_has_the_moves_that_help_most()
    {
        var cluster = PlannedCluster.Runs(8000, 5384, 3000, 0);
        var plan = cluster.Plan(new RebalanceOptions { UseEmptyMaster = true, MaxSlots = 500 });
        Assert.Equal(500, plan.SlotCount);
        // The largest surplus and the largest deficit.
        Assert.Equal([("10.0.0.1:6379", "10.0.0.4:6379")], plan.Moves.Select(move => (move.Source, move.Target)));
        var all = cluster.Plan(new RebalanceOptions { UseEmptyMaster = true });
        var more = cluster.Plan(new RebalanceOptions { UseEmptyMaster = true, MaxSlots = HashSlot.Count });
        Assert.Equal(all.Moves.Select(move => move.ToString()), more.Moves.Select(move => move.ToString()));
    }

    [Fact]
    public void A_limited_plan_by_keys_moves_the_fullest_slots()
    {
        var cluster = new PlannedCluster(PlannedCluster.Runs(8192, 8192).OwnerOfSlot, 2) { Keys = slot => slot < 8192 ? slot : 0 };
        var plan = cluster.Plan(new RebalanceOptions { By = RebalanceMeasure.Keys, MaxSlots = 1 });
        var all = cluster.Plan(new RebalanceOptions { By = RebalanceMeasure.Keys });
        Assert.Equal(1, plan.SlotCount);
        Assert.Equal(all.Moves.SelectMany(move => SlotSet.From(move.Ranges).Slots).Max(), plan.Moves[0].Ranges[0].First);
    }

    [Fact]
    public void An_excluded_master_neither_loses_nor_gains_a_slot()
    {
        var plan = PlannedCluster.Runs(9000, 3000, 4384).Plan(new RebalanceOptions { Exclude = ["10.0.0.1:6379"] });
        Assert.DoesNotContain(plan.Moves, move => move.Source == "10.0.0.1:6379" || move.Target == "10.0.0.1:6379");
        Assert.Equal([9000, 3692, 3692], plan.After.Select(share => share.SlotCount));
    }

    [Fact]
    public void An_empty_master_takes_part_only_by_option_or_by_name()
    {
        var cluster = PlannedCluster.Runs(8192, 8192, 0);
        var plan = cluster.Plan();
        Assert.Empty(plan.Moves);
        Assert.Equal(
            (PlanFindingCode.EmptyMasterLeftOut, "10.0.0.3:6379", "New-RedisRebalancePlan -UseEmptyMaster"),
                plan.Findings.Select(finding => (finding.Code, finding.Target, finding.Advice)).Single());
        Assert.Equal(5462 - 1, cluster.Plan(new RebalanceOptions { UseEmptyMaster = true }).SlotCount);
        var named = cluster.Plan(Weights(("10.0.0.3:6379", 1)));
        Assert.Equal(5461, named.SlotCount);
        Assert.Empty(named.Findings);
    }

    [Fact]
    public void Three_equal_masters_are_even_and_nothing_moves_back_and_forth()
    {
        foreach (var slots in new[] { new[] { 5461, 5461, 5462 }, [5461, 5462, 5461], [5462, 5461, 5461] })
            Assert.Empty(PlannedCluster.Runs(slots).Plan(new RebalanceOptions { Threshold = 0 }).Moves);
    }

    [Fact]
    public void A_threshold_of_zero_makes_it_exact() =>
        Assert.Equal(1, PlannedCluster.Runs(8193, 8191).Plan(new RebalanceOptions { Threshold = 0 }).SlotCount);

    [Fact]
    public void A_share_within_the_threshold_stays() => Assert.Empty(PlannedCluster.Runs(8192 + 160, 8192 - 160).Plan().Moves);

    // A third of all slots is 5461 and one third. A master with 5463 slots is one above its share, not two.
    [Fact]
    public void The_deviation_is_measured_from_the_nearest_allowed_number() =>
        Assert.Empty(PlannedCluster.Runs(5463, 5461, 5460).Plan(new RebalanceOptions { Threshold = 0.02 }).Moves);

    [Fact]
    public void Weights_are_exact_whatever_their_digits()
    {
        // 0.1 and 0.2 are no binary fractions; a third is a third all the same.
        var plan = Uneven.Plan(Weights(("10.0.0.1:6379", 0.1), ("10.0.0.2:6379", 0.2)) with { Threshold = 0 });
        Assert.Equal([5461, 10923], plan.After.Select(share => share.SlotCount));
        Assert.Equal([0.1, 0.2], plan.After.Select(share => share.Weight));
        var wide = Uneven.Plan(Weights(("10.0.0.1:6379", 1e-9), ("10.0.0.2:6379", 1e9)) with { Threshold = 0 });
        Assert.Equal([0, 16384], wide.After.Select(share => share.SlotCount));
    }

    [Fact]
    public void A_weight_of_zero_leaves_out_an_unreachable_empty_master()
    {
        var cluster = new PlannedCluster(Uneven.OwnerOfSlot, 3) { Down = [2] };
        var refusal = Refusal(() => cluster.Plan(new RebalanceOptions { UseEmptyMaster = true }));
        Assert.Equal((FailureCode.NodeUnreachable, "10.0.0.3:6379"), (refusal.Code, refusal.Subject));
        Assert.Contains("connection refused", refusal.Message);
        Assert.Equal(1808, cluster.Plan(Weights(("10.0.0.3:6379", 0)) with { UseEmptyMaster = true }).SlotCount);
    }

    [Fact]
    public void An_unreachable_master_does_not_matter_unless_it_is_source_or_target()
    {
        var even = PlannedCluster.Runs(5461, 5462, 5461);
        var plan = new PlannedCluster(even.OwnerOfSlot.Select((owner, slot) => slot < 1000 ? 2 : owner).ToList(), 3) { Down = [1] }.Plan();
        Assert.Equal(["10.0.0.3:6379 10.0.0.1:6379 1000"],
            plan.Moves.Select(move => move.Source + " " + move.Target + " " + move.SlotCount));
    }

    [Fact]
    public void An_open_slot_outside_the_plan_does_not_matter()
    {
        var plan = Opened(Uneven, 16000).Plan();
        Assert.Equal("KeyByKey", Assert.Single(plan.Moves).Method);
        Assert.Empty(plan.Findings);
    }

    [Theory]
    [InlineData("redis_version:8.6.3", "Atomic")]
    [InlineData("redis_version:8.4.0", "Atomic")]
    [InlineData("redis_version:8.2.1", "KeyByKey")]
    [InlineData("redis_version:7.2.4\nvalkey_version:9.0.0", "Atomic")]
    [InlineData("redis_version:7.2.4\nvalkey_version:8.1.4", "KeyByKey")]
    [InlineData("redis_version:8.9.9\ngarnet_version:2.2.8", "KeyByKey")]
    [InlineData("", "KeyByKey")]
    public void Servers_that_can_move_slots_themselves_do_so(string info, string method)
    {
        var cluster = With(Uneven, _ => info);
        Assert.Equal(method, cluster.Plan().Moves[0].Method);
        Assert.Equal("KeyByKey", cluster.Plan(method: MoveMethod.KeyByKey).Moves[0].Method);
        if (method == "Atomic")
        {
            Assert.Equal("Atomic", cluster.Plan(method: MoveMethod.Atomic).Moves[0].Method);
            return;
        }

        var refusal = Refusal(() => cluster.Plan(method: MoveMethod.Atomic));
        // What it is stands in INFO: without that it is a matter of rights.
        Assert.Equal(info.Length > 0 ? FailureCode.InvalidArgument : FailureCode.PermissionDenied, refusal.Code);
        Assert.StartsWith("10.0.0.1:6379 " + (info.Length > 0 ? "runs " : "does not let this user run INFO"), refusal.Message);
    }

    [Fact]
    public void Both_ends_must_support_the_same_atomic_move()
    {
        Assert.Equal("KeyByKey", With(Uneven, index => index == 0 ? Atomic : "redis_version:8.2.0").Plan().Moves[0].Method);
        Assert.Equal("KeyByKey", With(Uneven, index => index == 0 ? Atomic : "valkey_version:9.1.0").Plan().Moves[0].Method);
    }

    [Fact]
    public void An_open_slot_on_an_end_rules_out_atomic_moves_with_a_finding()
    {
        var cluster = With(Opened(Uneven, 16000), _ => Atomic);
        var plan = cluster.Plan();
        Assert.Equal("KeyByKey", plan.Moves[0].Method);
        Assert.Equal(["10.0.0.1:6379", "10.0.0.2:6379"], plan.Findings.Where(finding => finding.Code == PlanFindingCode.AtomicNotPossible)
            .Select(finding => finding.Target).Order());
        Assert.All(plan.Findings, finding => Assert.Equal("Complete-RedisSlotMigration -Slot 16000", finding.Advice));
        var refusal = Refusal(() => cluster.Plan(method: MoveMethod.Atomic));
        Assert.Equal((FailureCode.SlotStateUnsuitable, "16000", "Complete-RedisSlotMigration -Slot 16000"),
            (refusal.Code, refusal.Subject, refusal.NextStep()));
        Assert.Empty(cluster.Plan(method: MoveMethod.KeyByKey).Findings);
    }

    [Fact]
    public void By_keys_the_fewest_big_slots_move()
    {
        // All of the first master's keys are in ten slots of a hundred each.
        var cluster = new PlannedCluster(PlannedCluster.Runs(8192, 8192).OwnerOfSlot, 2) { Keys = slot => slot < 10 ? 100 : 0 };
        var plan = cluster.Plan(new RebalanceOptions { By = RebalanceMeasure.Keys });
        Assert.Equal("5 slots from 10.0.0.1:6379 to 10.0.0.2:6379: 0-4", Assert.Single(plan.Moves).ToString());
        Assert.Equal([50, 50], plan.After.Select(share => share.Share));
    }

    [Fact]
    public void By_keys_a_drained_master_keeps_no_empty_slot_and_neighbours_stay_together()
    {
        var cluster = new PlannedCluster(PlannedCluster.Runs(5462, 5461, 5461).OwnerOfSlot, 3) { Keys = _ => 0 };
        var plan = cluster.Plan(Weights(("10.0.0.1:6379", 0)) with { By = RebalanceMeasure.Keys });
        Assert.Equal([0, 8192, 8192], plan.After.Select(share => share.SlotCount));
        Assert.All(plan.Moves, move => Assert.Single(move.Ranges));
    }

    [Theory]
    [InlineData(RebalanceMeasure.Slots)]
    [InlineData(RebalanceMeasure.Keys)]
    [InlineData(RebalanceMeasure.Memory)]
    public void The_work_for_three_hundred_masters_is_bounded(RebalanceMeasure by)
    {
        var random = new Random(1);
        var loads = Enumerable.Range(0, HashSlot.Count).Select(_ => (long)random.Next(1_000_000)).ToArray();
        var cluster = new PlannedCluster(Enumerable.Range(0, HashSlot.Count).Select(_ => random.Next(random.Next(300) + 1)).ToList(),
            300) { Keys = slot => loads[slot], Bytes = slot => loads[slot] };
        var (view, counts) = (cluster.View(), cluster.Counts);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var plan = RebalancePlanner.Plan(view, new RebalanceOptions { By = by, Threshold = 0, UseEmptyMaster = true }, counts,
            MoveMethod.Auto, PlannedCluster.Session);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        output.WriteLine("{0}: {1} in {2} ms, {3} MB allocated", by, plan, clock.ElapsedMilliseconds, allocated >> 20);
        Assert.NotEmpty(plan.Moves);
        Assert.InRange(allocated, 0, 200L << 20);
    }

    internal static PlannedCluster Opened(PlannedCluster cluster, params int[] slots) => new(cluster.OwnerOfSlot, cluster.Masters)
    {
        Open = [.. slots.SelectMany(slot =>
            new[] { (slot, cluster.OwnerOfSlot[slot], 1 - cluster.OwnerOfSlot[slot], true),
                (slot, 1 - cluster.OwnerOfSlot[slot], cluster.OwnerOfSlot[slot], false) })],
    };

    private static PlannedCluster With(PlannedCluster cluster, Func<int, string> info) =>
        new(cluster.OwnerOfSlot, cluster.Masters) { Open = cluster.Open, Info = info };

    internal static RebalanceOptions Weights(params (string Node, double Weight)[] weights) =>
        new() { Weights = weights.ToDictionary(pair => pair.Node, pair => pair.Weight) };

    internal static RedisOperationException Refusal(Func<RedisRebalancePlan> plan)
    {
        var refusal = Assert.Throws<RedisOperationException>(plan);
        Assert.False(string.IsNullOrEmpty(refusal.NextStep()));
        return refusal;
    }
}
