using System;

namespace RedisClusterOps.Journal;

/// <summary>
/// Adds what the journal records about an open slot: since when it is open, its last progress, its rate, and the run to resume.
/// </summary>
internal static class JournalAnnotations
{
    /// <param name="open">The open slot.</param>
    /// <param name="intent">What the journal records about it.</param>
    /// <param name="isOpenAs">True if its flags are between the masters of the run.</param>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    public static RedisOpenSlot Add(RedisOpenSlot open, OpenIntent intent, bool isOpenAs, string? journalPath)
    {
        var slot = intent.Slot;
        var annotated = open with { Since = intent.Since };
        // A run that opens a slot on purpose, or moves some of its keys, is not what closes it. The cure of an unreachable end is first.
        if (isOpenAs && slot.Outcome is null or MigrationOutcome.Failed && open.Next?.Code == NextActionCode.Complete
            && slot.Kind is MigrationOperation.Complete or MigrationOperation.Undo or MigrationOperation.Repair
                or MigrationOperation.Move or MigrationOperation.Rebalance)
        {
            annotated = annotated with
            {
                MigrationId = intent.RunId,
                Next = intent.IsRunning
                    ? new NextAction(NextActionCode.ShowRunningRuns)
                    : new NextAction(NextActionCode.Resume) { MigrationId = intent.RunId, JournalPath = journalPath },
            };
        }

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
