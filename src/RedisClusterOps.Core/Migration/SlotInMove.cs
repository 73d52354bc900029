using System;
using System.Collections.Generic;

namespace RedisClusterOps.Migration;

/// <summary>One slot of a move of many: how far it is, and why it was taken out of the stream where something was not clean.</summary>
internal sealed class SlotInMove(int slot, long keys)
{
    public int Slot => slot;

    /// <summary>Keys on the source when its turn came.</summary>
    public long Keys { get; set; } = keys;

    public long Moved { get; set; }

    /// <summary>When its turn came, on the run's clock.</summary>
    public TimeSpan Began { get; set; }

    /// <summary>Why it is not moved with the many any more, but alone and with every check; null while all is clean.</summary>
    public string? SetApart { get; private set; }

    /// <summary>Keys whose MIGRATE broke: they may be on both sides.</summary>
    public List<byte[]> Interrupted { get; } = [];

    /// <summary>True where it is the target's already: only the proof is left.</summary>
    public bool IsThere { get; set; }

    /// <summary>True where a run that is undone has left it open on its way there: first of all it is brought to the end there.</summary>
    public bool IsOnItsWay { get; set; }

    public bool IsClean => SetApart is null;

    /// <summary>Its turn has not come.</summary>
    public bool IsWaiting => IsClean && !IsThere && !IsOnItsWay && Began == TimeSpan.Zero;

    public void Separate(string why) => SetApart ??= why;
}
