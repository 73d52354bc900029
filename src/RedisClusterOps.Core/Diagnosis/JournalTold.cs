using System;
using RedisClusterOps.Journal;

namespace RedisClusterOps.Diagnosis;

/// <summary>What the journal adds to an open slot: since when, when it last got on, and how fast.</summary>
internal static class JournalTold
{
    public static RedisOpenSlot Of(RedisOpenSlot open, OpenIntent intent)
    {
        var slot = intent.Slot;
        var told = open with { Since = intent.Since };
        // Another tool may have opened it anew between other masters: of that the journal knows nothing.
        if (!AreEnds(slot.SourceId, open) || !AreEnds(slot.TargetId, open) || slot.LastProgress is not { } last)
            return told;
        var seconds = (last - (slot.Since ?? last)).TotalSeconds;
        var rate = intent.IsRunning && slot.KeysMoved > 0 && seconds > 0 ? slot.KeysMoved / seconds : (double?)null;
        return told with
        {
            LastProgress = last,
            KeysPerSecond = rate is { } known ? Math.Round(known, 1) : null,
            TimeLeft = Pace.TimeLeft(open.PercentComplete, open.KeysOnSource, rate),
        };
    }

    // Whichever way: an undo takes it back.
    private static bool AreEnds(string? id, RedisOpenSlot open) =>
        string.IsNullOrEmpty(id) || id == open.SourceId || id == open.TargetId || open.SourceId is null || open.TargetId is null;
}
