using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// Flags that contradict each other, and keys that lie where they can't be seen. The owner stays the owner until the slot is handed over
/// in order; whoever holds keys without owning the slot brings them to the owner, or to the declared target where there is one.
/// </summary>
internal static class RepairSettling
{
    public static SlotPlan Plan(RepairOperation repair, SlotSituation situation, SlotDiagnosis? diagnosis, ClusterNode owner)
    {
        var (view, slot) = (situation.View, repair.Slot);
        var declared = owner.View!.Self.MigratingTo.TryGetValue(slot, out var peer) ? view.ShardMaster(peer) : null;
        // What has moved there would read as missing, and be written anew, until it is back.
        if (declared is { IsReachable: false } && !repair.What.AllowUnreachableNode)
            throw SlotRefusal.Unreachable(slot, declared, "repaired", repair.WithoutNode("closes the slot on " + owner.Name + "; the keys that have moved are given up until " + declared.Name + " is back"));
        if (declared is { IsReachable: false })
            RepairCoverage.RefuseWhereReplicaWaits(repair, view, declared);
        var target = declared is { IsReachable: true } && declared.Id != owner.Id ? declared : null;
        var holders = situation.Holders.Where(node => node.Id != owner.Id && node.Id != target?.Id).ToList();
        if (diagnosis is null && holders.Count == 0)
        {
            // Flags, and keys, show only at the node that has them.
            return view.Masters.FirstOrDefault(node => !node.IsReachable) is { } absent && !repair.What.AllowUnreachableNode
                ? throw SlotRefusal.Unreachable(slot, absent, "taken for sound")
                : repair.Nothing(view, owner);
        }

        var source = holders.Count == 1 ? holders[0] : diagnosis?.Source is { } end && end.Id != owner.Id ? end : null;
        var actions = new List<SlotAction>();
        var targetImports = target is not null && HandoverOrder.Has(target.View!.Self.ImportingFrom, slot, owner.Id);
        if (target is not null && !targetImports)
            actions.Add(new SetImporting(slot, target, owner));
        // To itself, to a node that nobody knows, or beside an importing flag of its own: such a flag leads nowhere.
        if (target is null && IsFlagged(owner, slot))
            actions.Add(new StopMigrating(slot, owner, null));
        foreach (var stale in view.Masters.Where(node => node.IsReachable && node.Id != owner.Id && node.View!.Self.MigratingTo.ContainsKey(slot)))
            actions.Add(new StopMigrating(slot, stale, null));
        foreach (var holder in holders)
        {
            if (holder.View!.OwnerOf(slot) != owner.Id)
                actions.Add(new CorrectOwner(slot, holder, owner));
            // Only an importing node may send keys that are not its own; and where it imports from is whom it takes for the owner.
            if (!HandoverOrder.Has(holder.View!.Self.ImportingFrom, slot, owner.Id) || holder.View.Self.MigratingTo.ContainsKey(slot))
                actions.Add(new SetImporting(slot, holder, owner));
            actions.Add(Gather(repair, holder, target ?? owner, situation.KeysOn(holder), isThird: target is not null || holder != source, target is not null));
        }

        foreach (var importer in view.Masters.Where(node => node.IsReachable && node.Id != owner.Id && node.Id != target?.Id
            && (node.View!.Self.ImportingFrom.ContainsKey(slot) || holders.Contains(node))))
            actions.Add(new StopImporting(slot, importer));
        // With a target that is declared and in order the slot is a normal open one by then, and is looked at as such.
        return repair.PlanOf(diagnosis, target is null ? source : owner, target ?? owner, actions) with
        {
            Request = target is null && holders.Count == 1 ? repair with { Gathering = AgreedEnds.Of(holders[0], owner) } : repair,
            IsPartial = target is not null,
            Owner = owner.Id,
            Lasting = declared is { IsReachable: false } ? ["Keys that have moved to " + declared.Name + " read as missing from now on. When it is back, the same command brings them home."] : [],
        };
    }

    // Which of two values is to win is said of the source and the target that the plan shows. A copy on any other node loses against either.
    private static MoveKeys Gather(RepairOperation repair, ClusterNode holder, ClusterNode to, long? keys, bool isThird, bool targetImports)
    {
        var gather = HandoverOrder.Gather(repair, holder, to, keys) with { TargetImports = targetImports };
        return !isThird && !repair.IsHandedOver ? gather : gather with
        {
            KeepsInUse = KeyConflictAction.KeepSource,
            OnConflict = gather.OnConflict == KeyConflictAction.Stop ? KeyConflictAction.Stop : KeyConflictAction.KeepTarget,
        };
    }

    private static bool IsFlagged(ClusterNode node, int slot) =>
        node.View!.Self.MigratingTo.ContainsKey(slot) || node.View.Self.ImportingFrom.ContainsKey(slot);
}
