using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Migration;

/// <summary>The slots that one run moves from one master to another. A run may have two pairs of the same masters.</summary>
internal sealed class MasterPair(ClusterNode source, ClusterNode target, IReadOnlyList<SlotMove> slots, bool isAtomic)
{
    public ClusterNode Source => source;

    public ClusterNode Target => target;

    public IReadOnlyList<SlotMove> Slots => slots;

    /// <summary>True if the servers move the slots themselves.</summary>
    public bool IsAtomic => isAtomic;

    /// <summary>Number of keys in all slots, as the plan counted them; null if it did not count them.</summary>
    public long? EstimatedKeys { get; init; }

    public MoveMethod Method => isAtomic ? MoveMethod.Atomic : MoveMethod.KeyByKey;

    public override string ToString() => source.Name + " -> " + target.Name;
}

/// <summary>One slot of a bulk move: its state, its progress, and why it was deferred if it was.</summary>
internal sealed class SlotMove(int slot, long keys)
{
    public int Slot => slot;

    /// <summary>Keys on the source when the slot was opened.</summary>
    public long Keys { get; set; } = keys;

    /// <summary>
    /// True if an importing node names a former master as the source: the slot's source failed over. Its flags are set anew first.
    /// </summary>
    public bool ImportsFromFormerMaster { get; init; }

    /// <summary>Keys that this run moved.</summary>
    public long Moved { get; set; }

    /// <summary>Keys that were listed, and had expired or been deleted before they were moved.</summary>
    public long Gone { get; set; }

    /// <summary>Keys whose MIGRATE broke: they may be on both sides.</summary>
    public List<byte[]> Interrupted { get; } = [];

    /// <summary>When this run began with the slot, on the run's clock; zero before that.</summary>
    public TimeSpan Began { get; private set; }

    /// <summary>How far the slot is, as the nodes have confirmed it.</summary>
    public SlotMoveState State { get; set; }

    /// <summary>Why the slot is not moved in bulk, but individually and with every check; null if it is moved in bulk.</summary>
    public string? DeferReason { get; private set; }

    public bool IsDeferred => DeferReason is not null;

    /// <summary>True if none of the counted keys is left on the source.</summary>
    public bool IsEmptied => Moved + Gone >= Keys;

    /// <summary>True if the run has not begun with the slot.</summary>
    public bool IsWaiting => !IsDeferred && State == SlotMoveState.Waiting;

    /// <summary>Begins with the slot. Its journal entry is written by then.</summary>
    public void Begin(TimeSpan now)
    {
        Began = now;
        if (State == SlotMoveState.Waiting)
            State = SlotMoveState.Begun;
    }

    /// <summary>Leaves the slot to be moved individually. The first reason stays.</summary>
    public void Defer(string reason) => DeferReason ??= reason;

    /// <summary>The slot waits again, as if the run had not begun with it.</summary>
    public void Reset() => (State, Began, Moved, Gone) = (SlotMoveState.Waiting, TimeSpan.Zero, 0, 0);
}

/// <summary>How far a run has moved a slot.</summary>
internal enum SlotMoveState
{
    /// <summary>The source owns the slot, and the run has not begun with it.</summary>
    Waiting,

    /// <summary>The target owned the slot before the run began. Only the verification is left.</summary>
    OnTarget,

    /// <summary>
    /// The run that is being undone left the slot open on its way to this pair's source. That migration is completed before the slot
    /// moves.
    /// </summary>
    Interrupted,

    /// <summary>The intent is in the journal. No flag was sent.</summary>
    Begun,

    /// <summary>
    /// Flags were sent, but MIGRATING is not confirmed. Without MIGRATING the source serves the slot alone and sends no redirect, so a key
    /// that has left it would read as missing.
    /// </summary>
    Opening,

    /// <summary>Both ends confirmed their flags.</summary>
    Open,

    /// <summary>Both ends were sent the new owner.</summary>
    HandedOver,
}
