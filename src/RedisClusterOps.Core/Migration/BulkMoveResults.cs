using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration;

/// <summary>Makes the results of a run's slots, writes them to the journal, and hands them to the caller.</summary>
internal sealed class BulkMoveResults(
    BulkMove move, RedisClusterSession session, MoveOptions options, RunJournal? journal, OperationLog? log, IClock clock)
{
    private readonly HashSet<int> _reported = [];
    private readonly HashSet<int> _succeeded = [];
    private readonly HashSet<int> _withLoss = [];
    private RedisOperationException? _yielded;

    /// <summary>The caller's handle.</summary>
    public SlotMoveRun Run { get; } = new(journal?.Id);

    private NextAction Resume => RunResume.Of(Run.MigrationId, options);

    /// <summary>The run stops because of another run, not on request.</summary>
    public void Yield(OtherRun other) => _yielded ??= new RedisOperationException(
        FailureCode.AnotherToolAtWork, other + ", and began first. This run stopped, because two runs at once lose keys.", other.Node.Name);

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
        lock (_reported)
        {
            _reported.UnionWith(reported.Select(outcome => outcome.Result.Slot));
            _succeeded.UnionWith(reported.Where(outcome => outcome.Failure is null).Select(outcome => outcome.Result.Slot));
            // A later result may take back a success.
            _withLoss.UnionWith(
                reported.Where(outcome => outcome.Failure?.Code == FailureCode.KeysMissing).Select(outcome => outcome.Result.Slot));
        }

        if (journal?.Outcomes(reported.Select(outcome => (outcome.Result, outcome.Failure?.Code)).ToList()) is { } warning)
            log?.Warning(null, warning);
        Run.Add(reported);
    }

    /// <summary>
    /// Reports every slot of a pair that has no result yet. Slots in the same state share one failure, so that the caller can show it once.
    /// </summary>
    public void ReportLeft(MasterPair pair, RedisOperationException failure)
    {
        var left = LeftOf(pair);
        foreach (var state in left.Where(slot => !slot.IsWaiting).GroupBy(slot => StateOf(pair, slot)).Select(state => state.ToList()))
        {
            var leftOpen = LeftOpen(pair, state, failure);
            Report(state.Select(slot => Failed(pair, slot, leftOpen)));
        }

        var untouched = left.Where(slot => slot.IsWaiting).ToList();
        if (untouched.Count == 0)
            return;
        var message = SlotsOf(pair, untouched) + (untouched.Count == 1 ? " has" : " have") + " not moved: " + failure.Message;
        var next = pair.IsAtomic && failure.Code != FailureCode.Stopped ? Resume with { Options = NextActionOptions.KeyByKey } : Resume;
        var notMoved = new RedisOperationException(failure.Code, message, pair.ToString(), next, failure);
        AddUntouched(untouched.Select(slot => Failed(pair, slot, notMoved)).ToList());
    }

    /// <summary>Reports the slots of a pair that the run did not begin with, because the time for it is over. That is no failure.</summary>
    public void ReportSkipped(MasterPair pair)
    {
        var skipped = LeftOf(pair).Where(slot => slot.State == SlotMoveState.Waiting).ToList();
        AddUntouched(skipped.Select(slot => new SlotOutcome(
            ResultOf(pair, slot, MigrationOutcome.Skipped) with { Elapsed = TimeSpan.Zero, Reason = "The time to start it was over." },
            null)).ToList());
    }

    /// <summary>What a run that ended early has done and left; null if nothing is left, or if another run ended it.</summary>
    /// <param name="why">Why it ended, as a sentence.</param>
    public RedisOperationException? Ended(IReadOnlyList<MasterPair> pairs, string why)
    {
        List<(string State, List<int> Slots)> left;
        int withLoss;
        lock (_reported)
        {
            withLoss = _withLoss.Count;
            left = pairs.SelectMany(pair => pair.Slots.Where(slot => !_succeeded.Contains(slot.Slot) && !_withLoss.Contains(slot.Slot))
                    .Select(slot => (State: ShortStateOf(pair, slot), slot.Slot)))
                .GroupBy(each => each.State, each => each.Slot).Select(state => (state.Key, state.ToList())).ToList();
        }

        if (left.Count == 0 || _yielded is not null)
            return null;
        var all = pairs.Sum(pair => pair.Slots.Count);
        var done = all - withLoss - left.Sum(state => state.Slots.Count);
        var states = left.OrderBy(state => state.State.Length == 0).Select(state => state.State.Length == 0
            ? Number(state.Slots.Count) + " unchanged"
            : Number(state.Slots.Count) + " " + state.State + " (" + Printable.Clean(SlotSet.From(state.Slots).ToString(), 60) + ")");
        var text = why + " Of " + Number(all) + (all == 1 ? " slot " : " slots ") + Number(done) + (done == 1 ? " is" : " are") + " done, "
            + string.Join(", ", states) + (withLoss == 0 ? ". No key is lost."
                : ", " + Number(withLoss) + " handed over with keys missing.");
        return new RedisOperationException(FailureCode.Stopped, text, null, Resume);
    }

    // Empty for a slot that is unchanged.
    private static string ShortStateOf(MasterPair pair, SlotMove slot) => slot.State switch
    {
        SlotMoveState.Begun when pair.IsAtomic => "may still be moved by the servers from " + pair.Source.Name + " to " + pair.Target.Name,
        SlotMoveState.HandedOver or SlotMoveState.OnTarget => "handed over to " + pair.Target.Name + " but not verified",
        SlotMoveState.Waiting or SlotMoveState.Begun => string.Empty,
        _ => "open between " + pair.Source.Name + " and " + pair.Target.Name,
    };

    private List<SlotMove> LeftOf(MasterPair pair)
    {
        lock (_reported)
            return pair.Slots.Where(slot => !_reported.Contains(slot.Slot)).ToList();
    }

    // The journal lists them as planned already.
    private void AddUntouched(IReadOnlyList<SlotOutcome> outcomes)
    {
        lock (_reported)
            _reported.UnionWith(outcomes.Select(outcome => outcome.Result.Slot));
        Run.Add(outcomes);
    }

    private static string SlotsOf(MasterPair pair, IReadOnlyList<SlotMove> slots) =>
        (slots.Count == 1 ? "Slot " : "Slots ") + RangesOf(slots) + " of " + pair;

    /// <summary>The outcome of a slot that every node reports as the target's: a success if its keys are there.</summary>
    public SlotOutcome Settled(MasterPair pair, SlotAccount account) => account.Failure is { } failure
        ? Failed(pair, account.Slot, failure)
        : new SlotOutcome(ResultOf(pair, account.Slot, move.Success) with { Reason = account.Remark }, null);

    /// <summary>Reports that slots of a pair have lost keys since they were reported as moved.</summary>
    public void ReportLost(MasterPair pair, IReadOnlyList<SlotAccount> lost)
    {
        if (lost.Count == 0)
            return;
        log?.Warning(null, lost[0].Failure!.Message);
        Report(lost.Select(account => Failed(pair, account.Slot, account.Failure!)));
    }

    /// <summary>The failure of slots that the run began with and did not finish, because the run or its pair of masters ended.</summary>
    /// <param name="slots">Slots in the same state.</param>
    public RedisOperationException LeftOpen(MasterPair pair, IReadOnlyList<SlotMove> slots, RedisOperationException failure) => new(
        failure.Code,
        SlotsOf(pair, slots) + " " + StateOf(pair, slots[0], isOne: slots.Count == 1) + ": " + failure.Message,
        slots.Count == 1 ? Number(slots[0].Slot) : SlotSet.From(slots.Select(slot => slot.Slot)).ToString(),
        RunResume.After(failure, Run.MigrationId, options),
        failure);

    /// <summary>The same failure. If it ends the run, its next action is to resume it.</summary>
    public RedisOperationException Resumable(RedisOperationException failure) => RunResume.Of(failure, Run.MigrationId, options);

    private static string StateOf(MasterPair pair, SlotMove slot, bool isOne = true) => slot.State switch
    {
        SlotMoveState.Begun when pair.IsAtomic => isOne
            ? "has moved, or the servers are still moving it, or it is unchanged"
            : "have moved, or the servers are still moving them, or they are unchanged",
        SlotMoveState.HandedOver or SlotMoveState.OnTarget =>
            (isOne ? "was" : "were") + " handed over, but not every node was asked",
        SlotMoveState.Waiting or SlotMoveState.Begun => (isOne ? "was" : "were") + " not opened",
        _ => (isOne ? "is" : "are") + " left open, with every key in reach",
    };

    /// <summary>The result of a slot that failed on its own: the failure itself says what to do.</summary>
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

    public RedisOperationException Stopped(MasterPair pair, string left) => Stopped(string.Empty, left, pair.ToString());

    public RedisOperationException Stopped(SlotMove slot, string left) =>
        Stopped("Slot " + Number(slot.Slot) + ": ", left, Number(slot.Slot));

    private RedisOperationException Stopped(string subject, string left, string about) => _yielded is { } other
        ? new(other.Code, subject + other.Message + " " + left, about, RunResume.After(other, Run.MigrationId, options), other)
        : new(FailureCode.Stopped, subject + "stopped on request. " + left + " No key is lost.", about, Resume);

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
}
