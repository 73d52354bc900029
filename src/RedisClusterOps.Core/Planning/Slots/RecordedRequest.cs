using System;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// Requests for a slot that a run of the journal left unfinished: the slot continues in the run's direction, from the state that the
/// cluster reports.
/// </summary>
internal static class RecordedRequest
{
    /// <summary>The request that resumes the slot.</summary>
    public static SlotRequest Resume(RedisMigrationSlot slot, RedisClusterSession session, MoveOptions options)
    {
        var ends = EndsOf(slot);
        return slot.Kind switch
        {
            MigrationOperation.Undo when ends is not null => InterruptedUndo(slot, session, options, ends, allowUnreachableNode: false),
            MigrationOperation.Start when ends is not null => new StartRequest(slot.Slot, session, options, ends),
            MigrationOperation.Restart when ends is not null => new RestartRequest(slot.Slot, session, options, ends.TargetId),
            MigrationOperation.Repair => Resume(new RepairRequest(slot.Slot, session, options, new RepairOptions()), slot),
            _ => new CompleteRequest(slot.Slot, session, options, ends),
        };
    }

    /// <summary>
    /// A repair in the direction that the slot had when it was interrupted: by an undo, or by a repair that resumed an undo or returned
    /// keys to the owner.
    /// </summary>
    public static RepairRequest Resume(RepairRequest repair, RedisMigrationSlot slot) => repair with
    {
        InterruptedUndo = UndoneBy(slot) is { } ends
            ? InterruptedUndo(slot, repair.Session, repair.Options, ends, repair.Repair.AllowUnreachableNode)
            : null,
        Recorded = EndsOf(slot),
        InterruptedGather = slot is { Kind: MigrationOperation.Repair, Strategy: null } && slot.OwnerId == slot.TargetId
            ? EndsOf(slot)
            : null,
    };

    /// <summary>
    /// The request that undoes what a run did to the slot, which returns to its previous owner. If the run was an undo, that is where the
    /// keys were, not where they went.
    /// </summary>
    public static UndoRequest Undo(
        ClusterView view, RedisMigrationSlot slot, RedisClusterSession session, UndoStrategy strategy, bool allowUnreachableNode,
        MoveOptions options)
    {
        var before = slot.OwnerId!;
        var other = slot.TargetId is { Length: > 0 } target && target != before ? target : slot.SourceId ?? before;
        var ends = new MigrationEnds(before, view.Node(before)?.Name ?? before, other, view.Node(other)?.Name ?? other)
        {
            MasterOfReplica = slot.MasterOfReplica,
        };
        return new UndoRequest(slot.Slot, session, options, ends, strategy, allowUnreachableNode);
    }

    /// <summary>The migration that was being undone when the run was interrupted; null if it was no undo.</summary>
    public static MigrationEnds? UndoneBy(RedisMigrationSlot slot) =>
        slot is { Kind: MigrationOperation.Undo } or { Kind: MigrationOperation.Repair, Strategy: not null } ? EndsOf(slot) : null;

    private static MigrationEnds? EndsOf(RedisMigrationSlot slot) => slot is { SourceId.Length: > 0, TargetId.Length: > 0 }
        ? new MigrationEnds(slot.SourceId, slot.Source ?? slot.SourceId, slot.TargetId, slot.Target ?? slot.TargetId)
        {
            MasterOfReplica = slot.MasterOfReplica,
        }
        : null;

    private static UndoRequest InterruptedUndo(
        RedisMigrationSlot slot, RedisClusterSession session, MoveOptions options, MigrationEnds ends, bool allowUnreachableNode)
    {
        var strategy = Enum.TryParse<UndoStrategy>(slot.Strategy, out var known) ? known : UndoStrategy.RoundTrip;
        return new UndoRequest(slot.Slot, session, options, ends, strategy, allowUnreachableNode, WasInterrupted: true)
        {
            SuppressedNodes = slot.SuppressedNodes,
        };
    }
}
