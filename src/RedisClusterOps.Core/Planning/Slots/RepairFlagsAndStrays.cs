using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// Plans a way out of contradictory flags and stray keys. The owner stays the owner until the slot is handed over. A node that holds keys
/// without owning the slot sends them to the owner, or to the target that the owner's flag names.
/// </summary>
internal static class RepairFlagsAndStrays
{
    public static SlotPlan Plan(RepairRequest repair, SlotSituation situation, SlotDiagnosis? diagnosis, ClusterNode owner)
    {
        var (view, slot) = (situation.View, repair.Slot);
        var declared = owner.View!.Self.MigratingTo.TryGetValue(slot, out var peer) ? view.ShardMaster(peer) : null;
        // Keys that have moved there would read as missing, and clients would create second copies, until it is back.
        if (declared is { IsReachable: false })
        {
            SlotRefusal.RequireDispensable(
                slot, view, declared, "repaired", repair.Repair.AllowUnreachableNode, repair.WithoutTarget(owner, declared));
        }

        var target = declared is { IsReachable: true } && declared.Id != owner.Id ? declared : null;
        var holders = situation.Holders.Where(node => node.Id != owner.Id && node.Id != target?.Id).ToList();
        if (diagnosis is null && holders.Count == 0)
        {
            // Flags and keys are visible only on the node that has them.
            return RepairCoverage.NeededMaster(repair, view) is { } absent
                ? throw SlotRefusal.Unreachable(slot, view, absent, "verified")
                : ClearingReplicas(repair, view, owner);
        }

        var source = holders.Count == 1 ? holders[0] : diagnosis?.Source is { } end && end.Id != owner.Id ? end : null;
        var actions = new List<SlotAction>();
        var targetImports = target is not null && HandoverOrder.Has(target.View!.Self.ImportingFrom, slot, owner.Id);
        if (target is not null && !targetImports)
            actions.Add(new SetImporting(slot, target, owner));
        // Such a flag names the node itself or an unknown node, or contradicts the node's own IMPORTING flag.
        if (target is null && IsFlagged(owner, slot))
            actions.Add(new StopMigrating(slot, owner, null));
        var stale = view.Masters.Where(node => node.IsReachable && node.Id != owner.Id && node.View!.Self.MigratingTo.ContainsKey(slot));
        actions.AddRange(stale.Select(node => new StopMigrating(slot, node, null)));
        foreach (var holder in holders)
        {
            actions.AddRange(HandoverOrder.CorrectOwners(view, slot, owner, holder));
            // Only an importing node may send keys of a slot that it does not own, and it must import from the owner.
            if (!HandoverOrder.Has(holder.View!.Self.ImportingFrom, slot, owner.Id) || holder.View.Self.MigratingTo.ContainsKey(slot))
                actions.Add(new SetImporting(slot, holder, owner));
            var isThird = target is not null || holder != source;
            actions.Add(Gather(repair, holder, target ?? owner, situation.KeysOn(holder), isThird, target is not null));
        }

        foreach (var importer in view.Masters.Where(node => node.IsReachable && node.Id != owner.Id && node.Id != target?.Id
            && (node.View!.Self.ImportingFrom.ContainsKey(slot) || holders.Contains(node))))
            actions.Add(new StopImporting(slot, importer));
        // With a consistent target the slot is a normal open one afterwards, and is planned again as such.
        return repair.PlanOf(diagnosis, target is null ? source : owner, target ?? owner, actions) with
        {
            Request = target is null && holders.Count == 1
                ? repair with { InterruptedGather = MigrationEnds.Of(holders[0], owner) }
                : repair,
            IsPartial = target is not null,
            Owner = owner.Id,
            LastingWarnings = declared is { IsReachable: false } ? [RepairRequest.MissingKeys(declared)] : [],
        };
    }

    // Only flags of replicas are left to clear.
    private static SlotPlan ClearingReplicas(RepairRequest repair, ClusterView view, ClusterNode owner)
    {
        var done = repair.Nothing(view, owner);
        var masters = view.ReplicaFlags.Where(flag => flag.Slot == repair.Slot).Select(flag => view.ShardMaster(flag.NodeId)!).Distinct();
        return done with { Actions = [.. done.Actions, .. masters.Select(master => new ClearReplicaFlags(repair.Slot, master))] };
    }

    // Of two values one is in use. Of three it is undecided which one "the other" is, and a value on a third node is never preferred.
    private static MoveKeys Gather(RepairRequest repair, ClusterNode holder, ClusterNode to, long? keys, bool isThird, bool targetImports)
    {
        var gather = HandoverOrder.Gather(repair, holder, to, keys) with { TargetImports = targetImports };
        return !isThird && !repair.IsHandedOver ? gather : gather with
        {
            HasSeveralOthers = true,
            OnConflict = gather.OnConflict == KeyConflictAction.KeepInUse ? KeyConflictAction.KeepInUse : KeyConflictAction.Stop,
        };
    }

    private static bool IsFlagged(ClusterNode node, int slot) =>
        node.View!.Self.MigratingTo.ContainsKey(slot) || node.View.Self.ImportingFrom.ContainsKey(slot);
}
