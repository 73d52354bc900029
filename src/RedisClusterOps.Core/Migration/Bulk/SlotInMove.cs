using System;
using System.Collections.Generic;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>One slot of a bulk move: its progress, and why it was taken out of the stream if something was not clean.</summary>
internal sealed class SlotInMove(int slot, long keys)
{
    public int Slot => slot;

    /// <summary>Keys on the source when the slot was opened.</summary>
    public long Keys { get; set; } = keys;

    public long Moved { get; set; }

    /// <summary>When the slot was taken up, on the run's clock; zero before that.</summary>
    public TimeSpan Began { get; set; }

    /// <summary>Why the slot is no longer moved with the others, but individually and with every check; null while all is clean.</summary>
    public string? SetApart { get; private set; }

    /// <summary>Keys whose MIGRATE broke: they may be on both sides.</summary>
    public List<byte[]> Interrupted { get; } = [];

    /// <summary>True if the slot belongs to the target already: only the proof is left.</summary>
    public bool IsThere { get; set; }

    /// <summary>True if a run that is being undone left the slot open on its way there: it is finished there first.</summary>
    public bool IsOnItsWay { get; set; }

    /// <summary>How far this run has taken the slot, as the nodes have confirmed it.</summary>
    public SlotMoveState State { get; set; }

    /// <summary>Keys that were listed and had expired or been deleted when they were to move.</summary>
    public long Gone { get; set; }

    /// <summary>True if no key of those that were counted is left on the source.</summary>
    public bool IsEmptied => Moved + Gone >= Keys;

    public bool IsClean => SetApart is null;

    /// <summary>True while the slot has not been taken up.</summary>
    public bool IsWaiting => IsClean && !IsThere && !IsOnItsWay && Began == TimeSpan.Zero;

    public void Separate(string why) => SetApart ??= why;

    /// <summary>The slot waits again, as if it had not been taken up.</summary>
    public void Reset() => (IsOnItsWay, State, Began, Moved, Gone) = (false, SlotMoveState.Untouched, TimeSpan.Zero, 0, 0);
}

/// <summary>How far a run has taken a slot.</summary>
internal enum SlotMoveState
{
    /// <summary>No flag was sent.</summary>
    Untouched,

    /// <summary>
    /// Flags were sent, and MIGRATING was not confirmed. Without it the source serves the slot alone and sends no redirect, so a key that
    /// left it would read as missing.
    /// </summary>
    Opening,

    /// <summary>Both ends confirmed their flags.</summary>
    Open,

    /// <summary>Both ends were sent the new owner.</summary>
    HandedOver,
}
