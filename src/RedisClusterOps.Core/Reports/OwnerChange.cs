using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Reports;

/// <summary>What a run of the journal did to the owners of slots.</summary>
/// <param name="Before">Of each slot its owner's id before the run; null where that is not known, or there was none.</param>
/// <param name="After">The same after it.</param>
internal sealed record OwnerChange(RedisMigration Run, IReadOnlyList<string?> Before, IReadOnlyList<string?> After)
{
    /// <summary>The slots that have another owner since.</summary>
    public SlotSet Moved { get; } = SlotSet.From(Enumerable.Range(0, Before.Count).Where(slot => Before[slot] != After[slot]));

    /// <summary>The runs that gave slots to other owners, newest first, each with the owners before and after it.</summary>
    /// <param name="runs">Newest first.</param>
    /// <param name="ownerOf">Who owns a slot now.</param>
    /// <remarks>From what is now each run is taken back, the newest first. The journal knows only our own runs, so what another tool moved in between is not seen as its doing.</remarks>
    public static IEnumerable<OwnerChange> Of(IEnumerable<RedisMigration> runs, Func<int, string?> ownerOf)
    {
        var now = Enumerable.Range(0, HashSlot.Count).Select(ownerOf).ToArray();
        foreach (var run in runs)
        {
            var (before, after) = ((string?[])now.Clone(), (string?[])now.Clone());
            foreach (var slot in run.Slots.Where(slot => slot is { IsDone: true, OwnerId.Length: > 0, Outcome: not MigrationOutcome.Skipped }))
            {
                before[slot.Slot] = slot.OwnerId;
                // Whoever has it now, this is where the run brought it.
                if (slot.Outcome is MigrationOutcome.Completed or MigrationOutcome.Moved && slot.TargetId is { Length: > 0 })
                    after[slot.Slot] = slot.TargetId;
            }

            now = before;
            var change = new OwnerChange(run, before, after);
            if (change.Moved.Count > 0)
                yield return change;
        }
    }
}
