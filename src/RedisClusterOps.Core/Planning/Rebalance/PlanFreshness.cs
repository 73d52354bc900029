using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Whether a plan still fits the cluster that it was made for.</summary>
internal static class PlanFreshness
{
    private const int ShownChanges = 3;

    /// <exception cref="RedisOperationException">StalePlan: slots have other owners than when the plan was made; the message says which.</exception>
    public static void RequireFresh(RedisRebalancePlan plan, ClusterView view)
    {
        if (plan.Fingerprint == view.Fingerprint || (plan.GoesOn && HasOnlyGoneOn(plan, view)))
            return;
        throw new RedisOperationException(
            FailureCode.StalePlan,
            "The plan of " + plan.CreatedAt.ToString("u", CultureInfo.InvariantCulture) + " no longer fits: " + Changes(plan, view) + ". Nothing was done.",
            null,
            plan.Kind == MigrationOperation.Rebalance ? "New-RedisRebalancePlan" : "Get-RedisClusterNode -Role Master");
    }

    // Whatever changed hands did so between the two masters that the plan names for it.
    private static bool HasOnlyGoneOn(RedisRebalancePlan plan, ClusterView view)
    {
        var ends = new RedisSlotMove?[HashSlot.Count];
        foreach (var move in plan.Moves)
        {
            foreach (var slot in SlotSet.From(move.SlotRanges).Slots)
                ends[slot] = move;
        }

        var owners = OwnersIn(plan);
        return Enumerable.Range(0, HashSlot.Count).Where(slot => owners[slot]?.Id != view.OwnerOf(slot))
            .All(slot => ends[slot] is { } move && view.OwnerOf(slot) is { } owner && (owner == move.SourceId || owner == move.TargetId));
    }

    private static RedisNodeShare?[] OwnersIn(RedisRebalancePlan plan)
    {
        var owners = new RedisNodeShare?[HashSlot.Count];
        foreach (var share in plan.Before)
        {
            foreach (var slot in SlotSet.From(share.SlotRanges).Slots)
                owners[slot] = share;
        }

        return owners;
    }

    private static string Changes(RedisRebalancePlan plan, ClusterView view)
    {
        if (plan.Before.All(share => view.Node(share.Id) is null))
            return "it is for another cluster, with none of these nodes";
        var owners = OwnersIn(plan);
        var changes = Enumerable.Range(0, HashSlot.Count)
            .Where(slot => owners[slot]?.Id != view.OwnerOf(slot))
            .GroupBy(slot => (Was: owners[slot]?.Node, Is: view.OwnerOf(slot) is { } id ? view.Node(id)!.Name : null))
            .Select(change => (Slots: SlotSet.From(change), change.Key.Was, change.Key.Is))
            .OrderByDescending(change => change.Slots.Count).ThenBy(change => change.Slots.Ranges[0])
            .ToList();
        // With the same owners another fingerprint is none of this view's.
        return changes.Count == 0 ? "its fingerprint is not that of the slots it lists" : Text(changes);
    }

    private static string Text(IReadOnlyList<(SlotSet Slots, string? Was, string? Is)> changes)
    {
        var shown = string.Join("; ", changes.Take(ShownChanges).Select(change =>
            (change.Slots.Count == 1 ? "slot " : "slots ") + PlanRefusal.Some(change.Slots) + (change.Slots.Count == 1 ? " belongs to " : " belong to ")
            + (change.Is ?? "nobody") + " now, not to " + (change.Was ?? "nobody")));
        var left = changes.Skip(ShownChanges).Sum(change => change.Slots.Count);
        return left == 0 ? shown : shown + "; and " + left.ToString(CultureInfo.InvariantCulture) + (left == 1 ? " slot more" : " slots more");
    }
}
