using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Checks whether a plan still matches the cluster that it was made for.</summary>
internal static class PlanFreshness
{
    private const int ShownChanges = 3;

    /// <exception cref="RedisOperationException">StalePlan: slots have other owners now; the message lists them.</exception>
    public static void RequireFresh(RedisRebalancePlan plan, ClusterView view)
    {
        if (plan.Fingerprint == view.Fingerprint || (plan.ContinuesRun && ChangedOnlyAsPlanned(plan, view)))
            return;
        throw new RedisOperationException(
            FailureCode.StalePlan,
            "The plan of " + plan.CreatedAt.ToString("u", CultureInfo.InvariantCulture) + " is stale: " + Changes(plan, view) + "."
                + PlanRefusal.NothingChanged,
            null,
            new NextAction(plan.Kind == MigrationOperation.Rebalance ? NextActionCode.PlanRebalance : NextActionCode.ShowMasters));
    }

    // Every slot with another owner belongs to one of the two masters that the plan names for it.
    private static bool ChangedOnlyAsPlanned(RedisRebalancePlan plan, ClusterView view)
    {
        var moves = new RedisSlotMove?[HashSlot.Count];
        foreach (var move in plan.Moves)
        {
            foreach (var slot in SlotSet.From(move.Ranges).Slots)
                moves[slot] = move;
        }

        var owners = OwnersIn(plan);
        return Enumerable.Range(0, HashSlot.Count).Where(slot => owners[slot]?.Id != view.OwnerOf(slot))
            .All(slot => moves[slot] is { } move && view.OwnerOf(slot) is { } owner && (owner == move.SourceId || owner == move.TargetId));
    }

    private static RedisNodeShare?[] OwnersIn(RedisRebalancePlan plan)
    {
        var owners = new RedisNodeShare?[HashSlot.Count];
        foreach (var share in plan.Before)
        {
            foreach (var slot in SlotSet.From(share.Ranges).Slots)
                owners[slot] = share;
        }

        return owners;
    }

    private static string Changes(RedisRebalancePlan plan, ClusterView view)
    {
        if (plan.Before.All(share => view.Node(share.Id) is null))
            return "it is for another cluster, which has none of these nodes";
        var owners = OwnersIn(plan);
        var changes = Enumerable.Range(0, HashSlot.Count)
            .Where(slot => owners[slot]?.Id != view.OwnerOf(slot))
            .GroupBy(slot => (Was: owners[slot]?.Node, Is: view.OwnerOf(slot) is { } id ? view.Node(id)!.Name : null))
            .Select(change => (Slots: SlotSet.From(change), change.Key.Was, change.Key.Is))
            .OrderByDescending(change => change.Slots.Count).ThenBy(change => change.Slots.Ranges[0])
            .ToList();
        // The owners are the same, so the plan's fingerprint is not that of its own shares.
        return changes.Count == 0 ? "its fingerprint does not match the slots that it lists" : Text(changes);
    }

    private static string Text(IReadOnlyList<(SlotSet Slots, string? Was, string? Is)> changes)
    {
        var shown = string.Join("; ", changes.Take(ShownChanges).Select(change => Text(change.Slots, change.Was, change.Is)));
        var left = changes.Skip(ShownChanges).Sum(change => change.Slots.Count);
        var more = left.ToString(CultureInfo.InvariantCulture) + (left == 1 ? " more slot" : " more slots");
        return left == 0 ? shown : shown + "; and " + more;
    }

    private static string Text(SlotSet slots, string? was, string? now)
    {
        var subject = (slots.Count == 1 ? "slot " : "slots ") + PlanRefusal.Some(slots);
        if (now is null)
            return subject + (slots.Count == 1 ? " has" : " have") + " no owner now, and belonged to " + was;
        var belongs = subject + (slots.Count == 1 ? " belongs" : " belong") + " to " + now + " now";
        return belongs + (was is null ? ", and had no owner before" : ", not to " + was);
    }
}
