using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>A move of many slots at work: every pair of masters at once, and a result for each slot as soon as every node agrees on its new owner.</summary>
public sealed class SlotMoveRun : IDisposable
{
    // Each pair keeps two servers busy; more at once than this only makes all of them slow.
    private const int MostPairs = 16;

    private readonly ClusterReader _reader;
    private readonly SituationReader _situations;
    private readonly BulkMove _move;
    private readonly IReadOnlyList<MasterPair> _pairs;
    private readonly RunJournal? _journal;
    private readonly OwnershipVerifier _verifier;
    private readonly EmptiedMasters? _emptied;
    private readonly StopRequest _stop;
    private readonly CancellationToken _stopping;
    private readonly ResultQueue _results = new();

    internal SlotMoveRun(
        RedisClusterSession session, ClusterReader reader, SituationReader situations, NodeWatch nodes, ClusterView view, BulkMove move, IReadOnlyList<MasterPair> pairs,
        MoveOptions options, RunJournal? journal, OperationLog? log, CancellationToken stopping)
    {
        (Session, Options, Log) = (session, options, log);
        (_reader, _situations, _move, _pairs, _journal, _stopping) = (reader, situations, move, pairs, journal, stopping);
        _stop = new StopRequest(reader.Clock, stopping);
        _emptied = move.KeepsMasters ? new EmptiedMasters(reader, view, pairs, move.Kept, journal, log) : null;
        _verifier = new OwnershipVerifier(reader, view, _stop) { Verified = SlotsVerified };
        Pace = new MovePace(nodes, options, log, reader.Clock);
        Count = new MoveCount(pairs.Sum(pair => pair.Slots.Count), log, reader.Clock);
    }

    /// <summary>Its id in the journal; null where nothing is written down.</summary>
    public string? MigrationId => _journal?.Id;

    internal RedisClusterSession Session { get; }

    internal MoveOptions Options { get; }

    internal OperationLog? Log { get; }

    internal MovePace Pace { get; }

    internal MoveCount Count { get; }

    /// <summary>Keys per second that each pair may move; null if the rate is not limited.</summary>
    internal double? KeysPerSecond => Options.MaxKeysPerSecond > 0 ? (double)Options.MaxKeysPerSecond / Math.Max(1, Math.Min(_pairs.Count, MostAtOnce)) : null;

    private int MostAtOnce => Options.MaxParallel > 0 ? Options.MaxParallel : MostPairs;

    /// <summary>Tasks of the servers that are this run's.</summary>
    internal BegunTasks AtomicTasks { get; } = new();

    private string GoOn => "Resume-RedisMigration" + (MigrationId is null ? string.Empty : " -Id " + MigrationId);

    /// <summary>Waits for results.</summary>
    /// <returns>What has come to an end since the last call; null where all is at its end.</returns>
    /// <exception cref="RedisOperationException">The cluster as a whole can't be read any more, or nothing can be written down.</exception>
    public Task<IReadOnlyList<SlotOutcome>?> NextAsync() => _results.TakeAsync();

    internal async Task StartAsync()
    {
        try
        {
            if (_emptied is not null)
                await _emptied.KeepAsync(_stop).ConfigureAwait(false);
            try
            {
                await RunAsync().ConfigureAwait(false);
            }
            finally
            {
                if (_emptied is not null)
                    await _emptied.LetFollowAsync(_stop).ConfigureAwait(false);
            }

            _results.End(null);
        }
        catch (Exception failure)
        {
            _results.End(failure);
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>It does so itself at its end.</summary>
    public void Dispose() => _stop.Dispose();

    /// <summary>Counts the slots' keys on their source: to know what there is to do.</summary>
    internal async Task CountAsync(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        var connection = await _reader.ConnectAsync(pair.Source, _stop.Abort).ConfigureAwait(false);
        var counts = await SlotKeyCounter.CountAsync(connection, pair.Source.View!.Databases, slots.Select(slot => slot.Slot).ToList(), _stop.Abort).ConfigureAwait(false);
        for (var i = 0; i < slots.Count; i++)
            slots[i].Keys = counts[i] ?? 0;
        Count.Expect(slots.Sum(slot => slot.Keys));
    }

    /// <summary>Written down before the slots are touched.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    internal void RecordIntent(MasterPair pair, IReadOnlyList<SlotMove> slots) => _journal?.Intend(EntryOf(pair), slots.Select(slot => slot.Slot));

    /// <summary>These are the target's; what is left is that everybody says so.</summary>
    internal void SlotsTransferred(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        if (slots.Count == 0)
            return;
        Log?.State(null, slots.Count.ToString(CultureInfo.InvariantCulture) + " slots (" + Short(slots) + ") given to " + pair.Target.Name);
        _verifier.Add(pair, slots);
        Count.Slots(slots.Count);
        Count.Report(Pace.WaitsFor);
    }

    /// <summary>Records that these slots are unchanged; they wait again.</summary>
    internal void RestoreSlots(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        _journal?.Outcomes(slots.Select(slot => (ResultOf(pair, slot, MigrationOutcome.Failed), (FailureCode?)FailureCode.Stopped)).ToList());
        foreach (var slot in slots)
            slot.Reset();
    }

    internal Task VerifyDueAsync() => _verifier.VerifyDueAsync();

    private async Task RunAsync()
    {
        var turns = Exclusion.OfSourcesThatAreTargets(MostAtOnce);
        if (_move.Operation == "Undo")
        {
            foreach (var pair in _pairs)
                await new TurnBack(_reader, pair, this, _stop).AwaitServersAsync().ConfigureAwait(false);
        }

        foreach (var pair in _pairs)
            TransferArrived(pair);
        // All of it, before anything goes back: a master that still gets slots raises its epoch, and must not give any away in that moment.
        var stuck = await InTurnsAsync(turns, _pairs, pair => new TurnBack(_reader, pair, this, _stop).RunAsync()).ConfigureAwait(false);
        var able = new HashSet<MasterPair>(_pairs.Where((_, i) => stuck[i] is null));
        var failures = await InTurnsAsync(turns, _pairs, pair => able.Contains(pair) ? MoveAsync(pair) : Task.CompletedTask).ConfigureAwait(false);
        failures = stuck.Zip(failures, (before, after) => before ?? after).ToArray();
        foreach (var (pair, failure) in _pairs.Zip(failures, (pair, failure) => (pair, failure)))
            await MoveDeferredAsync(pair, failure).ConfigureAwait(false);
        await FinishVerificationAsync().ConfigureAwait(false);
        for (var i = 0; i < _pairs.Count; i++)
            ReportUntouched(_pairs[i], failures[i]);
    }

    private Task MoveAsync(MasterPair pair) => pair.IsAtomic
        ? new AtomicPairMove(_reader, pair, this, _stop).RunAsync()
        : new PairMove(_reader, pair, this, _stop).RunAsync();

    /// <returns>Of each pair why nothing more could be moved between the two; null where nothing kept it.</returns>
    private Task<RedisOperationException?[]> InTurnsAsync(Exclusion<MasterPair> turns, IEnumerable<MasterPair> pairs, Func<MasterPair, Task> work) =>
        Task.WhenAll(pairs.Select(async pair =>
        {
            try
            {
                await turns.EnterAsync(pair, _stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return Stopped(pair, "Its turn had not come.");
            }

            try
            {
                await work(pair).ConfigureAwait(false);
                return null;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return Stopped(pair, "The slots whose turn had not come are as they were.");
            }
            catch (RedisOperationException failure)
            {
                return failure;
            }
            finally
            {
                turns.Leave(pair);
            }
        }));

    // A run that was cut off had brought them there.
    private void TransferArrived(MasterPair pair)
    {
        var there = pair.Slots.Where(slot => slot.State == SlotMoveState.OnTarget).ToList();
        foreach (var slot in there)
            slot.Begin(_stop.Clock.Now);
        SlotsTransferred(pair, there);
    }

    // One by one and with every check: slots with a surprise, and those that an interrupted run left half done.
    private async Task MoveDeferredAsync(MasterPair pair, RedisOperationException? failure)
    {
        var left = new Queue<SlotMove>(pair.Slots.Where(slot => slot.IsDeferred));
        // After a stop no slot is taken up individually: reading its state again would take more time.
        while (left.Count > 0 && failure is null && !_stopping.IsCancellationRequested)
        {
            var outcome = await MoveIndividuallyAsync(pair, left.Dequeue()).ConfigureAwait(false);
            Tell([outcome]);
            Count.Slots(1);
            if (outcome.Failure is { } broken && ConcernsPair(broken.Code))
                failure = broken;
        }

        // A failure of the pair is one of each slot. All go into the journal at once: each write waits for the disk, and there may be thousands.
        Tell(left.Select(slot => Failed(pair, slot, failure is { Code: not FailureCode.Stopped } ? failure : LeftOpen(slot))));
    }

    private static bool ConcernsPair(FailureCode code) => code is FailureCode.NodeUnreachable or FailureCode.ConnectionFailed or FailureCode.Stopped
        or FailureCode.TargetOutOfMemory or FailureCode.PermissionDenied or FailureCode.AuthenticationFailed;

    private RedisOperationException LeftOpen(SlotMove slot) => Stopped(slot.Slot, "It is left open: " + slot.DeferReason + ".");

    private async Task<SlotOutcome> MoveIndividuallyAsync(MasterPair pair, SlotMove slot)
    {
        Log?.State(slot.Slot, "Slot " + Number(slot.Slot) + ": moved alone, for " + slot.DeferReason);
        var started = _stop.Clock.Now;
        try
        {
            var view = await _reader.ReadAgainAsync(_stop.Abort).ConfigureAwait(false);
            var situation = await _situations.ReadAsync(view, slot.Slot, _stop.Abort).ConfigureAwait(false);
            var plan = _move.OperationFor(pair, situation).Plan(situation);
            _journal?.Intend(EntryOf(pair) with { Slot = slot.Slot });
            var tally = new KeyTally { Moved = slot.Moved };
            // The flags have not changed since: else the plan sets them, and forgets these.
            if (pair.Source.View!.Databases == 1)
                tally.Interrupted.UnionWith(slot.Interrupted);
            var outcome = await new SlotRunner(Session, _reader, _situations, plan, tally, Log).RunAsync(_stopping).ConfigureAwait(false);
            return outcome with { Result = outcome.Result with { MigrationId = MigrationId, Operation = _move.Operation } };
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            return Failed(pair, slot, failure, _stop.Clock.Now - started);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            return Failed(pair, slot, Stopped(slot.Slot, "Read what is left with Get-RedisOpenSlot -Slot " + Number(slot.Slot) + "."));
        }
    }

    private async Task FinishVerificationAsync()
    {
        using var limit = _stop.Extend(StopDeadlines.Verify, StopDeadlines.Verify);
        try
        {
            var left = await _verifier.FinishAsync(_stopping.IsCancellationRequested ? limit.Abort : _stop.Abort).ConfigureAwait(false);
            Tell(left.Select(each => Unverified(each.Pair, each.Slot, "but not every node agrees: " + each.Objection)));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            Tell(_verifier.Waiting.Select(each => Unverified(each.Pair, each.Slot, "but the run was stopped before every node was asked")));
        }
    }

    private SlotOutcome Unverified(MasterPair pair, SlotMove slot, string but) => Failed(pair, slot, new RedisOperationException(
        FailureCode.ClusterViewConflict,
        "Slot " + Number(slot.Slot) + " belongs to " + pair.Target.Name + " with all its keys, " + but + ".",
        Number(slot.Slot),
        "Test-RedisCluster"));

    // A pair that ended early has slots that nobody has touched. One result tells them all: a thousand would bury what matters.
    private void ReportUntouched(MasterPair pair, RedisOperationException? failure)
    {
        var untouched = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (failure is null || untouched.Count == 0)
            return;
        var what = new RedisOperationException(
            failure.Code,
            (untouched.Count == 1 ? "Slot " : "Slots ") + Short(untouched) + " of " + pair + (untouched.Count == 1 ? " has" : " have") + " not moved: " + failure.Message,
            pair.ToString(),
            GoOn + (pair.IsAtomic && failure.Code != FailureCode.Stopped ? " -Method KeyByKey" : string.Empty),
            failure);
        _results.Add([Failed(pair, untouched[0], what)]);
    }

    private void SlotsVerified(MasterPair pair, IReadOnlyList<SlotMove> slots) => Tell(slots.Select(slot => new SlotOutcome(ResultOf(pair, slot, _move.Success), null)));

    private void Tell(IEnumerable<SlotOutcome> outcomes)
    {
        var told = outcomes.ToList();
        if (told.Count == 0)
            return;
        if (_journal?.Outcomes(told.Select(outcome => (outcome.Result, outcome.Failure?.Code)).ToList()) is { } warning)
            Log?.Warning(null, warning);
        _results.Add(told);
    }

    private SlotOutcome Failed(MasterPair pair, SlotMove slot, RedisOperationException failure, TimeSpan? elapsed = null) => new(
        ResultOf(pair, slot, MigrationOutcome.Failed) with
        {
            Reason = failure.Message,
            Elapsed = elapsed ?? (slot.Began == TimeSpan.Zero ? TimeSpan.Zero : _stop.Clock.Now - slot.Began),
        },
        failure);

    private RedisSlotMigrationResult ResultOf(MasterPair pair, SlotMove slot, MigrationOutcome outcome) => new()
    {
        Slot = slot.Slot,
        Operation = _move.Operation,
        Outcome = outcome,
        Source = pair.Source.Name,
        SourceId = pair.Source.Id,
        Target = pair.Target.Name,
        TargetId = pair.Target.Id,
        KeysMoved = slot.Moved,
        Method = pair.Method,
        Elapsed = _stop.Clock.Now - slot.Began,
        MigrationId = MigrationId,
        Cluster = Session,
    };

    private RedisOperationException Stopped(MasterPair pair, string left) => new(FailureCode.Stopped, "stopped on request. " + left + " No key is lost.", pair.ToString(), GoOn);

    private RedisOperationException Stopped(int slot, string left) => new(
        FailureCode.Stopped, "Slot " + Number(slot) + ": stopped on request. " + left + " No key is lost.", Number(slot), GoOn);

    // In the journal an undo is told of the migration that it undoes.
    internal SlotEntry EntryOf(MasterPair pair) => _move.Operation == "Undo"
        ? new SlotEntry(0, "Undo", nameof(UndoStrategy.RoundTrip), pair.Target.Id, pair.Target.Name, pair.Source.Id, pair.Source.Name, pair.Source.Id)
        : new SlotEntry(0, _move.Operation, null, pair.Source.Id, pair.Source.Name, pair.Target.Id, pair.Target.Name, pair.Source.Id);

    private static string Short(IReadOnlyList<SlotMove> slots) => Printable.Clean(SlotSet.From(slots.Select(slot => slot.Slot)).ToString(), 100);

    private static string Number(int slot) => slot.ToString(CultureInfo.InvariantCulture);
}
