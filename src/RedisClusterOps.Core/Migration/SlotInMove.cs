using System;
using System.Collections.Generic;

namespace RedisClusterOps.Migration;

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

    /// <summary>
    /// True once both ends have confirmed their flags in this run. Without MIGRATING the source serves the slot alone and sends no redirect,
    /// so a key that left it would read as missing.
    /// </summary>
    public bool IsOpen { get; set; }

    public bool IsClean => SetApart is null;

    /// <summary>True while the slot has not been taken up.</summary>
    public bool IsWaiting => IsClean && !IsThere && !IsOnItsWay && Began == TimeSpan.Zero;

    public void Separate(string why) => SetApart ??= why;

    /// <summary>The slot waits again, as if it had not been taken up.</summary>
    public void Reset() => (IsOnItsWay, IsOpen, Began, Moved) = (false, false, TimeSpan.Zero, 0);
}
