using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Slots;

/// <summary>The actions of a migration in the one safe order: open, move, hand over. And the reverse move, without a handover.</summary>
internal static class HandoverOrder
{
    /// <summary>Opens a slot: IMPORTING first, or the source redirects clients to a target that rejects them. Keeps flags.</summary>
    public static IEnumerable<SlotAction> Open(int slot, ClusterNode source, ClusterNode target)
    {
        if (!Has(target.View!.Self.ImportingFrom, slot, source.Id))
            yield return new SetImporting(slot, target, source);
        if (!Has(source.View!.Self.MigratingTo, slot, target.Id))
            yield return new SetMigrating(slot, source, target);
    }

    /// <summary>The same for a slot that stays open. A target that reports another owner, or none, redirects its clients wrongly.</summary>
    public static IEnumerable<SlotAction> OpenAndCorrectOwner(ClusterView view, int slot, ClusterNode source, ClusterNode target) =>
        CorrectOwners(view, slot, source, target).Concat(Open(slot, source, target));

    /// <summary>
    /// Corrects the owner of a slot on a node that imports it, and of all slots that it imports from a node that failed over. While it
    /// attributes one of them to a failed node, it answers CLUSTERDOWN for every slot (cluster-require-full-coverage), so to correct one
    /// slot alone would not help.
    /// </summary>
    public static IEnumerable<SlotAction> CorrectOwners(ClusterView view, int slot, ClusterNode owner, ClusterNode importer)
    {
        var outdated = view.OutdatedImports(importer.Id).ToList();
        if (importer.View!.OwnerOf(slot) != owner.Id && !outdated.Exists(each => each.Owner.Id == owner.Id && each.Slots.Contains(slot)))
            yield return new CorrectOwner(slot, importer, owner);
        foreach (var (present, slots) in outdated)
        {
            yield return new CorrectOwner(slots.Contains(slot) ? slot : slots.Ranges[0].First, importer, present) { Slots = slots };
        }
    }

    /// <summary>
    /// Opens the slot on the present master of a source that failed over. The target still imports from the old one and serves clients,
    /// so MIGRATING comes first here. In the other order, with only one flag set, the slot would look like one with stray keys.
    /// </summary>
    public static IEnumerable<SlotAction> OpenAfterFailover(ClusterView view, int slot, ClusterNode source, ClusterNode target) =>
        CorrectOwners(view, slot, source, target).Concat(Open(slot, source, target).Reverse());

    public static MoveKeys Move(SlotRequest request, ClusterNode source, ClusterNode target, long? keys) =>
        new(request.Slot, source, target, Migrate(request, source, target), keys)
        {
            OnConflict = request.Options.OnKeyConflict,
            Again = request.Again,
        };

    /// <summary>Brings the keys of a node that does not own the slot to the owner, or to the target that imports from the owner.</summary>
    public static MoveKeys Gather(SlotRequest request, ClusterNode holder, ClusterNode to, long? keys) =>
        new(request.Slot, holder, to, Migrate(request, holder, to), keys)
        {
            IsReverse = true,
            TargetImports = false,
            OnConflict = request.Options.OnKeyConflict,
            Again = request.Again,
        };

    /// <summary>The same from a migration's target to its source, which owns the slot.</summary>
    public static MoveKeys GatherBack(SlotRequest request, ClusterNode away, ClusterNode origin, long? keys) =>
        Gather(request, away, origin, keys) with
        {
            AwaitsLateKeys = true,
        };

    /// <summary>Assigns the slot to the target, then notifies the source at once, then the other masters.</summary>
    public static IEnumerable<SlotAction> Close(ClusterView view, int slot, ClusterNode source, ClusterNode target) =>
        [new AssignToTarget(slot, source, target), .. Notify(view, slot, source, target)];

    public static IEnumerable<SlotAction> Notify(ClusterView view, int slot, ClusterNode source, ClusterNode target) =>
        [new NotifyOwner(slot, source, target, IsSource: true), .. NotifyOthers(view, slot, target, source)];

    public static IEnumerable<SlotAction> NotifyOthers(ClusterView view, int slot, ClusterNode owner, ClusterNode? source = null) =>
        view.Masters.Where(node => node.IsReachable && node.Id != owner.Id && node.Id != source?.Id)
        .Select(node => new NotifyOwner(slot, node, owner, IsSource: false));

    /// <summary>A whole migration of a slot that has no flag.</summary>
    public static IEnumerable<SlotAction> Whole(
        SlotRequest request, ClusterView view, ClusterNode source, ClusterNode target, long? keys) =>
    [
        new SetImporting(request.Slot, target, source),
        new SetMigrating(request.Slot, source, target),
        Move(request, source, target, keys),
        .. Close(view, request.Slot, source, target),
    ];

    /// <summary>True if a node's flags include the slot with this peer.</summary>
    public static bool Has(IReadOnlyDictionary<int, string> flags, int slot, string peer) =>
        flags.TryGetValue(slot, out var id) && string.Equals(id, peer, StringComparison.Ordinal);

    private static MigrateCommand Migrate(SlotRequest request, ClusterNode source, ClusterNode target) =>
        MigrateCommand.From(request.Session, request.Options, source, target);
}
