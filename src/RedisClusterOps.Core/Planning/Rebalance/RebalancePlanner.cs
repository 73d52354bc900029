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
        var excluded = Excluded(view, masters, options, session);
        var included = Enumerable.Range(0, masters.Count).Where(index => !excluded.Contains(masters[index].Node.Id)).ToList();
        var (free, shares) = (included.Select(index => masters[index]).ToList(), included.Select(index => weights[index]).ToList());
        if (shares.All(weight => weight.Value == 0))
        {
            throw PlanRefusal.Invalid(
                "Every master that is not excluded has weight 0, so none could take over the slots.",
                null,
                new NextAction(NextActionCode.PlanRebalance) { Note = "with fewer excluded masters" });
        }

        var load = options.By == RebalanceMeasure.Slots ? null : Load(view, free, counts, options.By);
        var transfers = load is null ? EvenSlots.Plan(free, shares, threshold) : EvenLoads.Plan(free, shares, load, threshold);
        if (options.MaxSlots is { } most)
            transfers = MostHelpfulMoves.Choose(transfers, most, load ?? (_ => 1));
        var builder = new RebalancePlanBuilder(view, masters, counts, method, session) { By = options.By, Weights = weights };
        var plan = builder.Build(MigrationOperation.Rebalance, transfers);
        return plan with { Options = options, Findings = [.. plan.Findings, .. EmptyMasters(masters, weights, options, excluded)] };
    }

    /// <summary>The finding that masters without slots were to take over slots, and there is none.</summary>
    /// <param name="formerMasters">Nodes that were masters in an earlier run, and are replicas now, which a user may not know.</param>
    public static PlanFinding NoEmptyMaster(ClusterView view, IReadOnlyList<ClusterNode> formerMasters)
    {
        var finding = new PlanFinding
        {
            Code = PlanFindingCode.NoEmptyMaster,
            Severity = FindingSeverity.Information,
            Message = "No master is without slots, so none was added.",
            Next = new NextAction(NextActionCode.AddNode) { Node = "<host:port of an empty node>" },
        };
        if (formerMasters.Count == 0)
            return finding;
        var spares = formerMasters.Select(node => node.Name + ", a replica of "
            + (node.Line.MasterId is { } id ? view.Node(id)?.Name ?? id : "no known master"));
        return finding with
        {
            Severity = FindingSeverity.Warning,
            Message = finding.Message + " An earlier run moved slots from or to " + string.Join(" and ", spares)
                + " now. A master that loses its last slot becomes a replica.",
            Next = new NextAction(NextActionCode.RemoveNode)
            {
                Node = formerMasters[0].Name,
                Options = NextActionOptions.Reset,
                Note = "makes it an empty node that can be added again, as a master",
            },
        };
    }

    private static HashSet<string> Excluded(
        ClusterView view, IReadOnlyList<MasterSlots> masters, RebalanceOptions options, RedisClusterSession session)
    {
        var excluded = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in options.Exclude)
        {
            var node = NodeNames.Find(view, name, session.MapAddress);
            if (masters.All(master => master.Node.Id != node.Id))
                throw PlanRefusal.NotAMaster(view, node);
            if (options.Weights.Keys.Any(named => NodeNames.Find(view, named, session.MapAddress).Id == node.Id))
            {
                throw PlanRefusal.Invalid(
                    node.Name + " is excluded and has a weight. An excluded master keeps its slots." + PlanRefusal.NothingChanged,
                    node.Name,
                    new NextAction(NextActionCode.PlanRebalance) { Note = "with one of both" });
            }

            excluded.Add(node.Id);
        }

        return excluded;
    }

    // A user who has just added a node expects it to take over slots, and may not know the option for that.
    private static IEnumerable<PlanFinding> EmptyMasters(
        IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, RebalanceOptions options, HashSet<string> excluded)
    {
        var empty = masters.Where((master, index) => master.Slots.Count == 0 && weights[index].Value == 0 && master.Node.IsReachable)
            .Where(master => !excluded.Contains(master.Node.Id))
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
        Func<int, long?> count = by switch
        {
            RebalanceMeasure.Keys => counts.Keys,
            RebalanceMeasure.Memory => counts.Bytes,
            _ => counts.Load,
        };
        foreach (var master in masters.Where(master => master.Slots.Any(slot => count(slot) is null)))
        {
            var what = by switch
            {
                RebalanceMeasure.Keys => "how many keys its slots hold",
                RebalanceMeasure.Memory => "how much memory its slots take",
                _ => "how busy its slots are",
            };
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
