using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>From a view and what a person wants even to the moves that make it so. Pure.</summary>
internal static class RebalancePlanner
{
    /// <param name="counts">What the slots hold; it has to be known of all where keys or memory are made even.</param>
    /// <returns>A plan without moves where nothing is off by more than the threshold.</returns>
    /// <exception cref="RedisOperationException">InvalidArgument, NodeNotFound, AmbiguousNode, NodeUnreachable, SlotStateUnsuitable or PermissionDenied: why there is no plan, and what to run next.</exception>
    public static RedisRebalancePlan Plan(ClusterView view, RebalanceOptions options, SlotCounts counts, MoveMethod method, RedisClusterSession session)
    {
        var threshold = Threshold(options);
        var masters = Holding.Of(view);
        PlanRefusal.RequireOneOwnerOfEachSlot(view);
        var weights = NodeWeights.Read(view, masters, options, session.Reach);
        var transfers = options.By == RebalanceMeasure.Slots
            ? EvenSlots.Plan(masters, weights, threshold)
            : EvenLoads.Plan(masters, weights, Load(masters, counts, options.By), threshold);
        var plan = new WholeSlotPlan(view, masters, counts, method, session) { By = options.By, Weights = weights }.Of(MigrationOperation.Rebalance, transfers);
        return plan with { Options = options, Findings = [.. plan.Findings, .. LeftOut(masters, weights, options)] };
    }

    // Whoever has just added a node expects it to get slots, and may not know that it has to be asked for.
    private static IEnumerable<PlanFinding> LeftOut(IReadOnlyList<Holding> masters, IReadOnlyList<NodeWeight> weights, RebalanceOptions options)
    {
        const int Shown = 5;
        var empty = masters.Where((master, index) => master.Slots.Count == 0 && weights[index].Said == 0 && master.Node.IsReachable).Select(master => master.Node.Name).ToList();
        // A weight that was given, even one of 0, is a decision.
        if (empty.Count == 0 || options.UseEmptyMaster || options.Weights.Values.Any(weight => weight == 0))
            yield break;
        yield return new PlanFinding
        {
            Code = PlanFindingCode.EmptyMasterLeftOut,
            Severity = FindingSeverity.Information,
            Target = empty[0],
            Message = string.Join(", ", empty.Take(Shown)) + (empty.Count > Shown ? " and others" : string.Empty) + (empty.Count == 1 ? " has no slots, and gets none" : " have no slots, and get none") + " unless that is asked for.",
            Advice = "New-RedisRebalancePlan -UseEmptyMaster",
        };
    }

    private static decimal Threshold(RebalanceOptions options) => options.Threshold is >= 0 and <= 100
        ? (decimal)options.Threshold
        : throw PlanRefusal.Invalid(
            "The threshold is " + options.Threshold.ToString("R", System.Globalization.CultureInfo.InvariantCulture) + "; it is a percentage, 0 to 100.", null, "New-RedisRebalancePlan -Threshold 2");

    private static Func<int, long> Load(IReadOnlyList<Holding> masters, SlotCounts counts, RebalanceMeasure by)
    {
        Func<int, long?> known = by == RebalanceMeasure.Keys ? counts.Keys : counts.Bytes;
        foreach (var master in masters.Where(master => master.Slots.Any(slot => known(slot) is null)))
            throw Untold(master.Node, by == RebalanceMeasure.Keys ? "how many keys its slots hold" : "how much memory its slots take");
        return slot => known(slot)!.Value;
    }

    private static RedisOperationException Untold(ClusterNode node, string what) => node.IsReachable
        ? new RedisOperationException(
            FailureCode.PermissionDenied, node.Name + " does not tell " + what + ", so that can't be made even. Nothing was done.", node.Name, "New-RedisRebalancePlan -By Slots")
        : new RedisOperationException(
            FailureCode.NodeUnreachable, node.Name + " does not answer (" + (node.Trouble ?? "no reason known") + "), so nobody knows " + what + ". Nothing was done.", node.Name, "Get-RedisClusterNode");
}
