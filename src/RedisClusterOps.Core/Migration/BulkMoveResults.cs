using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration;

/// <summary>Makes the results of a run's slots, writes them to the journal, and hands them to the caller.</summary>
internal sealed class BulkMoveResults(BulkMove move, RedisClusterSession session, RunJournal? journal, OperationLog? log, IClock clock)
{
    /// <summary>The caller's handle.</summary>
    public SlotMoveRun Run { get; } = new(journal?.Id);

    public NextAction Resume => new(NextActionCode.Resume) { MigrationId = Run.MigrationId };

    /// <summary>Writes to the journal what the run is going to move.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public void RecordPlan(IEnumerable<MasterPair> pairs) => journal?.Planned(pairs.Select(pair =>
        (EntryOf(pair) with { Keys = pair.EstimatedKeys }, pair.Slots.Select(slot => slot.Slot))));

    /// <summary>Writes to the journal that the slots are about to be touched.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public void RecordIntent(MasterPair pair, IReadOnlyList<SlotMove> slots) =>
        journal?.Intend(EntryOf(pair), slots.Select(slot => slot.Slot));

    /// <summary>Writes to the journal that the slot is about to be moved individually.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public void RecordIntent(MasterPair pair, SlotMove slot) => journal?.Intend(EntryOf(pair) with { Slot = slot.Slot });

    /// <summary>Writes to the journal that these slots are unchanged. They have no result yet.</summary>
    public void RecordUnchanged(MasterPair pair, IReadOnlyList<SlotMove> slots) =>
        journal?.Outcomes([.. slots.Select(slot => (ResultOf(pair, slot, MigrationOutcome.Failed), (FailureCode?)FailureCode.Stopped))]);

    /// <summary>Reports results. They are one write to the journal: each write waits for the disk, and there may be thousands.</summary>
    public void Report(IEnumerable<SlotOutcome> outcomes)
    {
        var reported = outcomes.ToList();
        if (reported.Count == 0)
            return;
        if (journal?.Outcomes(reported.Select(outcome => (outcome.Result, outcome.Failure?.Code)).ToList()) is { } warning)
            log?.Warning(null, warning);
        Run.Add(reported);
    }

    /// <summary>
    /// Reports the slots of a pair that ended before it began with them. They share one result; a thousand results would hide what
    /// matters.
    /// </summary>
    public void ReportUntouched(MasterPair pair, RedisOperationException failure)
    {
        var untouched = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (untouched.Count == 0)
            return;
        var isOne = untouched.Count == 1;
        var message = (isOne ? "Slot " : "Slots ") + RangesOf(untouched) + " of " + pair + (isOne ? " has" : " have") + " not moved: "
            + failure.Message;
        var next = pair.IsAtomic && failure.Code != FailureCode.Stopped ? Resume with { Options = NextActionOptions.KeyByKey } : Resume;
        Run.Add([Failed(pair, untouched[0], new RedisOperationException(failure.Code, message, pair.ToString(), next, failure))]);
    }

    /// <summary>The outcome of a slot that every node reports as the target's: a success if its keys are there.</summary>
    public SlotOutcome Settled(MasterPair pair, SlotAccount account) => account.Failure is { } failure
        ? Failed(pair, account.Slot, failure)
        : new SlotOutcome(ResultOf(pair, account.Slot, move.Success) with { Reason = account.Remark }, null);

    /// <summary>Reports that slots of a pair have lost keys since they were reported as moved.</summary>
    public void ReportLost(MasterPair pair, SlotAccount lost)
    {
        log?.Warning(null, lost.Failure!.Message);
        Run.Add([Failed(pair, lost.Slot, lost.Failure!)]);
    }

    public SlotOutcome Failed(MasterPair pair, SlotMove slot, RedisOperationException failure, TimeSpan? elapsed = null) => new(
        ResultOf(pair, slot, MigrationOutcome.Failed) with
        {
            Reason = failure.Message,
            Elapsed = elapsed ?? (slot.Began == TimeSpan.Zero ? TimeSpan.Zero : clock.Now - slot.Began),
        },
        failure);

    public SlotOutcome Unverified(MasterPair pair, SlotMove slot, string but) => Failed(pair, slot, new RedisOperationException(
        FailureCode.ClusterViewConflict,
        "Slot " + Number(slot.Slot) + " belongs to " + pair.Target.Name + " with all its keys, but " + but + ".",
        Number(slot.Slot),
        new NextAction(NextActionCode.CheckCluster)));

    public RedisOperationException Stopped(MasterPair pair, string left) => new(
        FailureCode.Stopped, "stopped on request. " + left + " No key is lost.", pair.ToString(), Resume);

    public RedisOperationException Stopped(SlotMove slot, string left) => new(
        FailureCode.Stopped, "Slot " + Number(slot.Slot) + ": stopped on request. " + left + " No key is lost.", Number(slot.Slot), Resume);

    /// <summary>The slots as ranges, shortened for a message.</summary>
    public static string RangesOf(IReadOnlyList<SlotMove> slots) =>
        Printable.Clean(SlotSet.From(slots.Select(slot => slot.Slot)).ToString(), 100);

    private RedisSlotMigrationResult ResultOf(MasterPair pair, SlotMove slot, MigrationOutcome outcome) => new()
    {
        Slot = slot.Slot,
        Operation = move.Operation.ToString(),
        Outcome = outcome,
        Source = pair.Source.Name,
        SourceId = pair.Source.Id,
        Target = pair.Target.Name,
        TargetId = pair.Target.Id,
        KeysMoved = slot.Moved,
        Method = pair.Method.ToString(),
        Elapsed = clock.Now - slot.Began,
        MigrationId = Run.MigrationId,
        Cluster = session,
    };

    // The journal describes an undo by the migration that it undoes.
    private SlotEntry EntryOf(MasterPair pair) => move.IsUndo
        ? new SlotEntry(
            0, move.Operation, nameof(UndoStrategy.RoundTrip),
            pair.Target.Id, pair.Target.Name, pair.Source.Id, pair.Source.Name, pair.Source.Id)
        : new SlotEntry(0, move.Operation, null, pair.Source.Id, pair.Source.Name, pair.Target.Id, pair.Target.Name, pair.Source.Id);

    private static string Number(int slot) => slot.ToString(CultureInfo.InvariantCulture);
}
