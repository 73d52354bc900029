using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;
using static RedisClusterOps.RedisClusterFinding;

namespace RedisClusterOps.Diagnosis;

/// <summary>Derives findings about slots: without an owner, open, disputed, or with stray keys. Pure.</summary>
internal static class SlotFindings
{
    private const int ShownDissenters = 5;

    /// <param name="view">The cluster.</param>
    /// <param name="nodes">Its nodes with their load.</param>
    /// <param name="openSlots">Its open slots.</param>
    /// <param name="strays">By id of the master: slots that it holds keys of and does not own; null if they were not counted.</param>
    public static IEnumerable<RedisClusterFinding> Of(
        ClusterView view,
        IReadOnlyList<RedisClusterNode> nodes,
        IReadOnlyList<RedisOpenSlot> openSlots,
        IReadOnlyDictionary<string, SlotSet>? strays) =>
    [
        .. UncoveredFindings(view, nodes),
        .. OpenSlotFindings(openSlots),
        .. OwnerConflictFindings(view),
        .. StrayFindings(view, openSlots, strays),
    ];

    private static IEnumerable<RedisClusterFinding> UncoveredFindings(ClusterView view, IReadOnlyList<RedisClusterNode> nodes)
    {
        if (view.UnownedSlots is { Count: > 0 } unowned)
        {
            var have = unowned.Count == 1 ? " has" : " have";
            yield return Error(
                FindingCode.SlotUncovered,
                unowned.ToString(),
                Count(unowned.Count, "slot") + have + " no owner. Clients get CLUSTERDOWN.",
                Repair(unowned));
        }

        // A node that only this machine can't read serves its clients.
        foreach (var node in nodes.Where(node => node.SlotCount > 0 && node.State == RedisNodeState.Fail))
        {
            yield return Error(
                FindingCode.SlotUncovered,
                string.Join(",", node.SlotRanges),
                "The cluster has marked the owner " + node.Endpoint + " as failed. Clients get errors or wait.",
                NodeFindings.CureOf(view, node));
        }
    }

    private static IEnumerable<RedisClusterFinding> OpenSlotFindings(IReadOnlyList<RedisOpenSlot> openSlots)
    {
        foreach (var group in OpenSlotGroup.Of(openSlots.Where(open =>
            open.State is not (RedisOpenSlotState.Unowned or RedisOpenSlotState.Atomic or RedisOpenSlotState.ClaimedWithoutEpoch))))
            yield return Error(FindingCode.SlotOpen, group.Target, group.What + ". Clients: " + group.ClientsSee + ".", group.Next);

        var moving = openSlots.Where(open => open.State == RedisOpenSlotState.Atomic);
        foreach (var tasks in moving.GroupBy(open => (open.Source, open.Target)))
        {
            yield return Information(
                FindingCode.AtomicMigrationRunning,
                SlotSet.From(tasks.Select(open => open.Slot)).ToString(),
                "The servers are moving these slots from " + tasks.Key.Source + " to " + tasks.Key.Target + ".",
                new NextAction(NextActionCode.ShowOpenSlots));
        }
    }

    private static IEnumerable<RedisClusterFinding> OwnerConflictFindings(ClusterView view)
    {
        var disputed = view.DisputedSlots();
        if (disputed.Count == 0)
            yield break;
        var example = disputed.Ranges[0].First;
        var dissenters = view.Dissenters(example, view.OwnerOf(example));
        var shown = dissenters.Take(ShownDissenters).Select(dissent => dissent.Node.Name + " reports "
            + (dissent.Owner is null ? "no owner" : (view.Node(dissent.Owner)?.Name ?? dissent.Owner) + " as the owner"));
        var rest = dissenters.Count - ShownDissenters;
        var more = rest > 0 ? ", and " + Count(rest, "more node") + (rest == 1 ? " differs" : " differ") : string.Empty;
        yield return Error(
            FindingCode.SlotOwnerConflict,
            disputed.ToString(),
            "Nodes report different owners, so clients are sent to different masters. Slot " + Number(example) + ": "
                + string.Join(", ", shown) + more + ".",
            Repair(disputed));
    }

    private static IEnumerable<RedisClusterFinding> StrayFindings(
        ClusterView view, IReadOnlyList<RedisOpenSlot> openSlots, IReadOnlyDictionary<string, SlotSet>? strays)
    {
        // The target of an open migration legitimately holds keys of a slot that it does not own.
        var open = new HashSet<int>(openSlots.Where(slot => slot.State != RedisOpenSlotState.StrayKeys).Select(slot => slot.Slot));
        foreach (var stray in strays ?? new Dictionary<string, SlotSet>())
        {
            var slots = SlotSet.From(stray.Value.Slots.Where(slot => !open.Contains(slot)));
            if (slots.Count == 0)
                continue;
            yield return Warning(
                FindingCode.StrayKeys,
                view.Node(stray.Key)!.Name,
                "The node holds keys of slots that it does not own (" + slots + "). Clients can't see these keys.",
                Repair(slots));
        }
    }

    // Several slots are repaired together: without a slot the repair covers all that are wrong.
    private static NextAction Repair(SlotSet slots) => new(NextActionCode.Repair) { Slots = slots.Count == 1 ? slots.ToString() : null };
}
