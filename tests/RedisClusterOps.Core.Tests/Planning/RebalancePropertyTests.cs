using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>What holds of every plan, whatever the cluster looks like and whatever is wanted of it.</summary>
public sealed class RebalancePropertyTests
{
    [Fact]
    public void Every_slot_has_one_owner_before_and_after_and_moves_once_at_most() => Check(any =>
    {
        var plan = any.Cluster.Plan(any.Options);
        Assert.Equal(HashSlot.Count, plan.Before.Sum(share => share.SlotCount));
        Assert.Equal(HashSlot.Count, plan.After.Sum(share => share.SlotCount));
        Assert.Equal(HashSlot.Count, SlotSet.From(plan.After.SelectMany(share => share.Ranges)).Count);
        Assert.Equal(plan.SlotCount, SlotSet.From(plan.Moves.SelectMany(move => move.Ranges)).Count);
        // The moves lead from the one to the other.
        var after = any.Cluster.After(plan);
        Assert.Equal(after.SlotCounts.Select((count, index) => (PlannedCluster.Id(index), count)).Order(),
            plan.After.Select(share => (share.Id, share.SlotCount)).Order());
        Assert.Equal(plan.Moves.Count, plan.Moves.DistinctBy(move => (move.SourceId, move.TargetId)).Count());
        Assert.Equal(plan.Before.Sum(share => share.Keys), plan.After.Sum(share => share.Keys));
    });

    [Fact]
    public void The_plan_is_deterministic_and_its_result_needs_no_further_plan() => Check(any =>
    {
        var plan = any.Cluster.Plan(any.Options);
        Assert.Equal(Text(plan), Text(any.Cluster.Plan(any.Options)));
        Assert.Empty(any.Cluster.After(plan).Plan(any.Options).Moves);
    });

    [Fact]
    public void By_slots_it_moves_exactly_the_differences() => Check(any =>
    {
        var plan = any.Cluster.Plan(BySlots(any));
        if (plan.Moves.Count == 0)
            return;
        Assert.Equal(plan.Before.Zip(plan.After, (before, after) => Math.Max(0, before.SlotCount - after.SlotCount)).Sum(), plan.SlotCount);
        var weights = WeightsOf(any);
        foreach (var share in plan.After)
        {
            var exact = HashSlot.Count * weights[share.Id] / weights.Values.Sum();
            Assert.InRange(share.SlotCount, (int)Math.Floor(exact), (int)Math.Ceiling(exact));
        }
    });

    [Fact]
    public void By_slots_it_acts_only_if_a_master_is_off_by_more_than_the_threshold() => Check(any =>
    {
        var options = BySlots(any);
        var weights = WeightsOf(any);
        var worst = any.Cluster.SlotCounts.Select((slots, index) =>
        {
            var exact = HashSlot.Count * weights[PlannedCluster.Id(index)] / weights.Values.Sum();
            var near = Math.Clamp(slots, Math.Floor(exact), Math.Ceiling(exact));
            if (weights[PlannedCluster.Id(index)] == 0)
                return slots * 1_000_000m;
            return slots == 0 ? (near > 1 ? 1_000_000m : 0) : 100 * Math.Abs(slots - near) / slots;
        }).Max();
        var moves = any.Cluster.Plan(options).Moves;
        if (options.Threshold > 0)
            Assert.Equal(worst > (decimal)options.Threshold, moves.Count > 0);
        else if (worst > 0)
            Assert.NotEmpty(moves);
    });

    [Fact]
    public void By_slots_it_never_moves_more_than_redis_cli_does() => Check(any =>
    {
        // redis-cli never empties a node at 100 %, nor moves anything at 0; and a name is no wish for an empty master to it.
        var weights = any.Weights
            .Select((weight, index) => any.Cluster.SlotCounts[index] == 0 && !any.Options.UseEmptyMaster ? null : weight).ToList();
        var options = BySlots(any) with
        {
            Threshold = Math.Clamp(any.Options.Threshold, 0.01, 99),
            Weights = Enumerable.Range(0, weights.Count)
                .Where(index => weights[index] is not null).ToDictionary(PlannedCluster.Id, index => weights[index]!.Value),
        };
        var theirs = RedisCliModel.SlotsMoved(any.Cluster.SlotCounts, weights, options.UseEmptyMaster, options.Threshold);
        Assert.InRange(any.Cluster.Plan(options).SlotCount, 0, theirs);
    });

    [Fact]
    public void A_weight_of_zero_drains_its_master_and_it_is_never_a_target() => Check(any =>
    {
        var plan = any.Cluster.Plan(any.Options);
        var weights = WeightsOf(any);
        Assert.All(plan.After.Where(share => weights[share.Id] == 0), share => Assert.Equal(0, share.SlotCount));
        Assert.DoesNotContain(plan.Moves, move => weights[move.TargetId] == 0);
        Assert.Equal(weights.OrderBy(pair => pair.Key).Select(pair => (double)pair.Value),
            plan.Before.OrderBy(share => share.Id, StringComparer.Ordinal).Select(share => share.Weight!.Value));
    });

    [Fact]
    public void Slots_go_to_masters_only() => Check(any =>
    {
        var masters = Enumerable.Range(0, any.Cluster.Masters).Select(PlannedCluster.Id).ToHashSet();
        Assert.All(any.Cluster.Plan(any.Options).Moves, move => Assert.Contains(move.TargetId, masters));
    });

    [Fact]
    public void An_unreachable_or_failing_master_is_neither_source_nor_target() => Check(any =>
    {
        var bad = any.Cluster.OwnerOfSlot[HashSlot.Count / 2];
        foreach (var isDown in new[] { true, false })
        {
            var cluster = new PlannedCluster(any.Cluster.OwnerOfSlot, any.Cluster.Masters)
            {
                Down = isDown && any.Cluster.Masters > 1 ? [bad] : [],
                Suspected = isDown ? [] : [bad],
            };
            try
            {
                Assert.DoesNotContain(cluster.Plan(BySlots(any)).Moves, move => cluster.Down.Concat(cluster.Suspected)
                    .Select(PlannedCluster.Id).Any(id => id == move.SourceId || id == move.TargetId));
            }
            catch (RedisOperationException refusal)
            {
                Assert.Equal((FailureCode.NodeUnreachable, PlannedCluster.Name(bad)), (refusal.Code, refusal.Subject));
            }
        }
    });

    [Theory]
    [InlineData(RebalanceMeasure.Keys)]
    [InlineData(RebalanceMeasure.Memory)]
    public void By_load_masters_end_closer_to_their_targets_or_all_are_within_the_threshold(RebalanceMeasure by) => Check(any =>
    {
        var options = any.Options with { By = by };
        var plan = any.Cluster.Plan(options);
        var weights = WeightsOf(any);
        var (before, after) = (Distance(plan.Before), Distance(plan.After));
        var drains = plan.Before.Any(share => weights[share.Id] == 0 && share.SlotCount > 0);
        if (!drains)
            Assert.True(plan.Moves.Count == 0 ? before == after : after < before, before + " -> " + after);

        // The squares of what every master is off from its target in whole keys or bytes. No weight here has more than two digits behind
        // the point.
        BigInteger Distance(IReadOnlyList<RedisNodeShare> shares)
        {
            var byId = shares.OrderBy(share => share.Id, StringComparer.Ordinal).ToList();
            var scaled = byId.Select(share => new BigInteger(weights[share.Id] * 100)).ToList();
            var targets = new Apportionment(byId.Sum(Load), scaled).Parts(Comparer<int>.Default);
            return byId.Select((share, index) => BigInteger.Pow(Load(share) - targets[index], 2)).Aggregate(BigInteger.Add);
        }

        long Load(RedisNodeShare share) => (by == RebalanceMeasure.Keys ? share.Keys : share.Bytes)!.Value;
    });

    private static RebalanceOptions BySlots(RebalanceCase any) => any.Options with { By = RebalanceMeasure.Slots };

    private static Dictionary<string, decimal> WeightsOf(RebalanceCase any) => Enumerable.Range(0, any.Cluster.Masters).ToDictionary(
        PlannedCluster.Id, index =>
            (decimal)(any.Weights[index] ?? (any.Options.UseEmptyMaster || any.Cluster.SlotCounts[index] > 0 ? 1 : 0)),
                StringComparer.Ordinal);

    private static string Text(RedisRebalancePlan plan) => string.Join("\n", plan.Moves) + plan.Fingerprint;

    // RCO_PROOF=full takes a thousand clusters of each property.
    private static readonly int Clusters = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 1_000 : 12;

    private static void Check(Action<RebalanceCase> property) =>
        Prop.ForAll(RebalanceArbitraries.Cases, property).Check(Config.QuickThrowOnFailure.WithMaxTest(Clusters));
}
