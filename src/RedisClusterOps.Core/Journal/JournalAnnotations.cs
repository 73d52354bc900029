using System;

namespace RedisClusterOps.Journal;

/// <summary>Adds what the journal records about an open slot: since when it is open, its last progress, and its rate.</summary>
internal static class JournalAnnotations
{
    public static RedisOpenSlot Add(RedisOpenSlot open, OpenIntent intent)
    {
        var slot = intent.Slot;
        var annotated = open with { Since = intent.Since };
        // Another tool may have reopened the slot between other masters. The journal does not cover that.
        if (!IsEnd(slot.SourceId, open) || !IsEnd(slot.TargetId, open) || slot.LastProgress is not { } last)
            return annotated;
        var seconds = (last - (slot.Since ?? last)).TotalSeconds;
        var rate = intent.IsRunning && slot.KeysMoved > 0 && seconds > 0 ? slot.KeysMoved / seconds : (double?)null;
        return annotated with
        {
            LastProgress = last,
            KeysPerSecond = rate is { } known ? Math.Round(known, 1) : null,
            TimeLeft = open.TimeLeftAt(rate),
        };
    }

    // An undo moves the slot in the opposite direction, so either end matches.
    private static bool IsEnd(string? id, RedisOpenSlot open) =>
        string.IsNullOrEmpty(id) || id == open.SourceId || id == open.TargetId || open.SourceId is null || open.TargetId is null;
}
