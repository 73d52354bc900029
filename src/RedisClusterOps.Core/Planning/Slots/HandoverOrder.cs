using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Slots;

/// <summary>The actions that slots are moved with, in the one safe order: open, move, hand over; and the reverse move, which hands nothing over.</summary>
internal static class HandoverOrder
{
    /// <summary>Opens a slot: the target first, or clients would be sent to one that turns them away. Flags that are right stay.</summary>
    public static IEnumerable<SlotAction> Open(int slot, ClusterNode source, ClusterNode target)
    {
        if (!Has(target.View!.Self.ImportingFrom, slot, source.Id))
            yield return new SetImporting(slot, target, source);
        if (!Has(source.View!.Self.MigratingTo, slot, target.Id))
            yield return new SetMigrating(slot, source, target);
    }

    /// <summary>The same for a slot that stays open: a target that takes another for the owner, or nobody, would send its clients astray.</summary>
    public static IEnumerable<SlotAction> OpenKnowingTheOwner(int slot, ClusterNode source, ClusterNode target) =>
        target.View!.OwnerOf(slot) == source.Id ? Open(slot, source, target) : Open(slot, source, target).Prepend(new CorrectOwner(slot, target, source));

    /// <summary>
    /// Opens it for the present master of a source that failed over. The target still imports from the old one and serves who asks, so the
    /// source comes first here: the other way round, with one flag set, the slot would look like one with stray keys.
    /// </summary>
    public static IEnumerable<SlotAction> OpenAfterFailover(int slot, ClusterNode source, ClusterNode target)
    {
        // An importer whose source failed over may take nobody for the owner; it must know whom it imports from.
        if (target.View!.OwnerOf(slot) != source.Id)
            yield return new CorrectOwner(slot, target, source);
        foreach (var action in Open(slot, source, target).Reverse())
            yield return action;
    }

    public static MoveKeys Move(SlotOperation operation, ClusterNode source, ClusterNode target, long? keys) =>
        new(operation.Slot, source, target, Request(operation, source, target), keys) { OnConflict = operation.Options.OnKeyConflict, Again = operation.Again };

    /// <summary>Brings what a node holds without owning it to where it belongs.</summary>
    /// <param name="to">The owner, or the declared target that imports from the owner.</param>
    public static MoveKeys Gather(SlotOperation operation, ClusterNode holder, ClusterNode to, long? keys) =>
        new(operation.Slot, holder, to, Request(operation, holder, to), keys)
        {
            IsReverse = true,
            TargetImports = false,
            OnConflict = operation.Options.OnKeyConflict,
            KeepsInUse = KeyConflictAction.KeepTarget,
            Again = operation.Again,
        };

    /// <summary>The same from a migration's target to its source. Source and target are said of the migration, so the choice between them turns round.</summary>
    public static MoveKeys GatherBack(SlotOperation operation, ClusterNode away, ClusterNode origin, long? keys) =>
        Gather(operation, away, origin, keys) with
        {
            AwaitsLateKeys = true,
            KeepsInUse = KeyConflictAction.KeepSource,
            OnConflict = operation.Options.OnKeyConflict switch
            {
                KeyConflictAction.KeepSource => KeyConflictAction.KeepTarget,
                KeyConflictAction.KeepTarget => KeyConflictAction.KeepSource,
                var stop => stop,
            },
        };

    /// <summary>Gives the slot to the target and tells the source at once, then the others.</summary>
    public static IEnumerable<SlotAction> Close(ClusterView view, int slot, ClusterNode source, ClusterNode target) =>
        [new TakeOver(slot, source, target), .. Tell(view, slot, source, target)];

    public static IEnumerable<SlotAction> Tell(ClusterView view, int slot, ClusterNode source, ClusterNode target) =>
        [new TellOwner(slot, source, target, IsSource: true), .. TellOthers(view, slot, target, source)];

    public static IEnumerable<SlotAction> TellOthers(ClusterView view, int slot, ClusterNode owner, ClusterNode? but = null) => view.Masters
        .Where(node => node.IsReachable && node.Id != owner.Id && node.Id != but?.Id)
        .Select(node => new TellOwner(slot, node, owner, IsSource: false));

    /// <summary>All of it, for a slot that one of the two owns and nobody has open.</summary>
    public static IEnumerable<SlotAction> Whole(SlotOperation operation, ClusterView view, ClusterNode source, ClusterNode target, long? keys) =>
    [
        new SetImporting(operation.Slot, target, source),
        new SetMigrating(operation.Slot, source, target),
        Move(operation, source, target, keys),
        .. Close(view, operation.Slot, source, target),
    ];

    public static bool Has(IReadOnlyDictionary<int, string> flags, int slot, string peer) =>
        flags.TryGetValue(slot, out var id) && string.Equals(id, peer, System.StringComparison.Ordinal);

    private static MigrateRequest Request(SlotOperation operation, ClusterNode source, ClusterNode target) =>
        MigrateRequest.From(operation.Session, operation.Options, source, target);
}
