using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Makes the plan that evens out the masters. Pure.</summary>
internal static class RebalancePlanner
{
    private const int ShownNodes = 5;

    /// <param name="view">The cluster.</param>
    /// <param name="options">What to even out, and how far.</param>
    /// <param name="counts">What the slots hold. Must be known for every slot to even out keys or memory.</param>
    /// <param name="method">How the slots will move.</param>
    /// <param name="session">The connection settings of the cluster.</param>
    /// <returns>A plan without moves if no master is off by more than the threshold.</returns>
    /// <exception cref="RedisOperationException">
    /// InvalidArgument, NodeNotFound, AmbiguousNode, NodeUnreachable, SlotStateUnsuitable or PermissionDenied.
    /// </exception>
    public static RedisRebalancePlan Plan(
        ClusterView view, RebalanceOptions options, SlotCounts counts, MoveMethod method, RedisClusterSession session)
    {
        var threshold = Threshold(options);
        var masters = MasterSlots.Of(view);
        PlanRefusal.RequireOneOwnerOfEachSlot(view);
        var weights = NodeWeights.Read(view, masters, options, session.MapAddress);
        var transfers = options.By == RebalanceMeasure.Slots
            ? EvenSlots.Plan(masters, weights, threshold)
            : EvenLoads.Plan(masters, weights, Load(view, masters, counts, options.By), threshold);
        var builder = new RebalancePlanBuilder(view, masters, counts, method, session) { By = options.By, Weights = weights };
        var plan = builder.Build(MigrationOperation.Rebalance, transfers);
        return plan with { Options = options, Findings = [.. plan.Findings, .. EmptyMasters(masters, weights, options)] };
    }

    // A user who has just added a node expects it to take over slots, and may not know the option for that.
    private static IEnumerable<PlanFinding> EmptyMasters(
        IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, RebalanceOptions options)
    {
        var empty = masters.Where((master, index) => master.Slots.Count == 0 && weights[index].Value == 0 && master.Node.IsReachable)
            .Select(master => master.Node.Name).ToList();
        // A specified weight, even 0, is a decision.
        if (empty.Count == 0 || options.UseEmptyMaster || options.Weights.Values.Any(weight => weight == 0))
            yield break;
        var names = string.Join(", ", empty.Take(ShownNodes)) + (empty.Count > ShownNodes ? " and others" : string.Empty);
        yield return new PlanFinding
        {
            Code = PlanFindingCode.EmptyMasterLeftOut,
            Severity = FindingSeverity.Information,
            Target = empty[0],
            Message = names + (empty.Count == 1 ? " has" : " have") + " no slots. By default, masters without slots take over none.",
            Next = new NextAction(NextActionCode.PlanRebalance) { Options = NextActionOptions.UseEmptyMaster },
        };
    }

    private static decimal Threshold(RebalanceOptions options) => options.Threshold is >= 0 and <= 100
        ? (decimal)options.Threshold
        : throw PlanRefusal.Invalid(
            "The threshold is " + options.Threshold.ToString("R", CultureInfo.InvariantCulture) + ". It must be a percentage, 0 to 100.",
            null,
            new NextAction(NextActionCode.PlanRebalance) { Note = "with a threshold from 0 to 100" });

    private static Func<int, long> Load(
        ClusterView view, IReadOnlyList<MasterSlots> masters, SlotCounts counts, RebalanceMeasure by)
    {
        Func<int, long?> count = by == RebalanceMeasure.Keys ? counts.Keys : counts.Bytes;
        foreach (var master in masters.Where(master => master.Slots.Any(slot => count(slot) is null)))
        {
            var what = by == RebalanceMeasure.Keys ? "how many keys its slots hold" : "how much memory its slots take";
            throw Uncounted(view, master.Node, what);
        }

        return slot => count(slot)!.Value;
    }

    private static RedisOperationException Uncounted(ClusterView view, ClusterNode node, string what) => node.IsReachable
        ? new RedisOperationException(
            FailureCode.PermissionDenied,
            node.Name + " does not report " + what + ", so that can't be evened out." + PlanRefusal.NothingChanged,
            node.Name,
            new NextAction(NextActionCode.PlanRebalance) { Options = NextActionOptions.BySlots })
        : NodeVerdict.Of(view, node).Refused("It is unknown " + what);
}
