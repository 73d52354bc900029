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
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Migration.Slot;

namespace RedisClusterOps.Migration;

/// <summary>
/// Carries out a bulk move: all pairs of masters concurrently, then the deferred slots individually. Reports each slot as soon as every
/// node agrees on its new owner.
/// </summary>
internal sealed class BulkMoveRun : IPairMoveObserver
{
    // Each pair keeps two servers busy. More pairs at a time only make all of them slow.
    private const int MostPairs = 16;

    private readonly MoveContext _context;
    private readonly SituationReader _situations;
    private readonly BulkMove _move;
    private readonly IReadOnlyList<MasterPair> _pairs;
    private readonly BulkMoveResults _results;
    private readonly OwnershipVerifier _verifier;
    private readonly ReplicaMigrationSuppression? _suppression;
    private readonly StopRequest _stop;
    private readonly CancellationTokenSource _yielding;
    private readonly CancellationToken _stopping;
    private readonly RunAnnouncement? _announcement;
    private readonly int _mostPairs;
    private readonly Dictionary<MasterPair, KeyAccount> _accounts;
    private readonly object _lock = new();
    private List<(MasterPair Pair, IReadOnlyList<SlotMove> Slots)> _verified = [];
    private Task _looking = Task.CompletedTask;

    public BulkMoveRun(
        RedisClusterSession session, ClusterReader reader, SituationReader situations, NodeWatch nodes, ClusterView view, BulkMove move,
        IReadOnlyList<MasterPair> pairs, MoveOptions options, RunJournal? journal, RunAnnouncement? announcement, OperationLog? log,
        CancellationToken stopping)
    {
        (_situations, _move, _pairs, _announcement) = (situations, move, pairs, announcement);
        _yielding = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        (_stop, _stopping) = (new StopRequest(reader.Clock, _yielding.Token), _yielding.Token);
        _mostPairs = options.MaxParallel > 0 ? options.MaxParallel : MostPairs;
        _suppression = move.SuppressesReplicaMigration
            ? new ReplicaMigrationSuppression(reader, view, pairs, move.SuppressedNodes, journal, log)
            : null;
        _verifier = new OwnershipVerifier(reader, view, _stop) { Verified = AddVerified };
        _accounts = pairs.ToDictionary(pair => pair, pair => new KeyAccount(reader, pair));
        _results = new BulkMoveResults(move, session, options, journal, log, reader.Clock);
        var pace = new MovePace(reader, nodes, options, log);
        var count = new MoveCount(pairs.Sum(pair => pair.Slots.Count), log, reader.Clock);
        _context = new MoveContext(reader, session, options, pace, count, log)
        {
            KeysPerSecond = options.MaxKeysPerSecond > 0
                ? (double)options.MaxKeysPerSecond / Math.Max(1, Math.Min(pairs.Count, _mostPairs))
                : null,
        };
    }

    private OperationLog? Log => _context.Log;

    /// <summary>Starts the run, which disposes its stop request at its end.</summary>
    /// <returns>The caller's handle.</returns>
    /// <exception cref="RedisOperationException">JournalUnavailable. Nothing was changed.</exception>
    public SlotMoveRun Start()
    {
        _results.RecordPlan(_pairs);
        _ = RunAsync();
        return _results.Run;
    }

    void IPairMoveObserver.RecordIntent(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        LookForOtherRuns();
        _results.RecordIntent(pair, slots);
    }

    public void SlotsTransferred(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        if (slots.Count == 0)
            return;
        var number = slots.Count.ToString(CultureInfo.InvariantCulture);
        Log?.State(null, number + " slots (" + BulkMoveResults.RangesOf(slots) + ") handed over to " + pair.Target.Name);
        _verifier.Add(pair, slots);
        _context.Count.Slots(slots.Count);
        _context.ReportProgress();
    }

    void IPairMoveObserver.RestoreSlots(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        _results.RecordUnchanged(pair, slots);
        foreach (var slot in slots)
            slot.Reset();
    }

    // While a node hangs, slots still move: nothing waits for the answer.
    private void LookForOtherRuns()
    {
        if (_announcement is null)
            return;
        lock (_results)
        {
            if (_looking.IsCompleted)
                _looking = LookAsync();
        }

        async Task LookAsync()
        {
            try
            {
                if (await _announcement.FindStrongerAsync(_stop.Abort).ConfigureAwait(false) is not { } other)
                    return;
                _results.Yield(other);
                _yielding.Cancel();
            }
            catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException or ObjectDisposedException)
            {
                // A node that can't be asked fails the next step, too. The run may have ended meanwhile.
            }
        }
    }

    async Task IPairMoveObserver.VerifyDueAsync()
    {
        await _verifier.VerifyDueAsync().ConfigureAwait(false);
        await SettleAsync(_stop.Abort).ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        try
        {
            if (_suppression is not null)
                await _suppression.SuppressAsync(_stop).ConfigureAwait(false);
            try
            {
                await MoveAllAsync().ConfigureAwait(false);
            }
            finally
            {
                if (_suppression is not null)
                    await _suppression.RestoreAsync(_stop).ConfigureAwait(false);
            }

            End(null);
        }
        catch (Exception failure)
        {
            End(failure);
        }
        finally
        {
            await _looking.ConfigureAwait(false);
            _stop.Dispose();
            _yielding.Dispose();
        }
    }

    // However the run ends, each of its slots has a result. What ends it is not known to be about one slot, so all slots without a result
    // share it.
    private void End(Exception? failure)
    {
        var told = failure switch
        {
            null => new RedisOperationException(FailureCode.Unexpected, "the run ended without a result for it."),
            RedisOperationException known => known,
            OperationCanceledException when _stopping.IsCancellationRequested => null,
            _ => new RedisOperationException(
                FailureCode.Unexpected, failure.GetType().Name + ": " + failure.Message, innerException: failure),
        };
        foreach (var pair in _pairs)
            _results.ReportLeft(pair, told ?? _results.Stopped(pair, "Its state was not read again."));
        var early = _stopping.IsCancellationRequested ? _results.Ended(_pairs, "Stopped on request.")
            : failure is null && _context.IsTimeOver ? _results.Ended(_pairs, "The time for the run was over.")
            : null;
        _results.Run.End(early, failure is RedisOperationException ended ? _results.Resumable(ended) : told is null ? null : failure);
    }

    private async Task MoveAllAsync()
    {
        var exclusion = Exclusion.OfSourcesThatAreTargets(_mostPairs);
        if (_move.IsUndo)
        {
            foreach (var pair in _pairs)
                await Recovery(pair).AwaitServersAsync().ConfigureAwait(false);
        }

        foreach (var pair in _pairs)
            TransferArrived(pair);
        // Of all pairs before any slot moves back: a master that still takes over slots raises its epoch, and must not hand over a slot at
        // that moment.
        var stuck = await RunPairsAsync(exclusion, _pairs, RecoverAsync).ConfigureAwait(false);
        var able = new HashSet<MasterPair>(_pairs.Where((_, i) => stuck[i] is null));
        var failures = await RunPairsAsync(exclusion, _pairs, pair => able.Contains(pair) ? MoveAsync(pair) : Task.CompletedTask)
            .ConfigureAwait(false);
        failures = stuck.Zip(failures, (before, after) => before ?? after).ToArray();
        foreach (var (pair, failure) in _pairs.Zip(failures, (pair, failure) => (pair, failure)))
            await MoveDeferredAsync(pair, failure).ConfigureAwait(false);
        await FinishVerificationAsync().ConfigureAwait(false);
        await CloseAccountsAsync().ConfigureAwait(false);
        foreach (var (pair, failure) in _pairs.Zip(failures, (pair, failure) => (pair, failure)))
        {
            if (failure is not null)
                _results.ReportLeft(pair, failure);
            else if (_context.IsTimeOver)
                _results.ReportSkipped(pair);
        }
    }

    private async Task RecoverAsync(MasterPair pair)
    {
        await new SourceFailoverRecovery(_context, pair, this, _stop).RunAsync().ConfigureAwait(false);
        await Recovery(pair).RunAsync().ConfigureAwait(false);
    }

    private InterruptedMoveRecovery Recovery(MasterPair pair) => new(_context, pair, this, _stop);

    private async Task MoveAsync(MasterPair pair)
    {
        if (!pair.IsAtomic)
        {
            await new PairMove(_context, pair, this, _stop).RunAsync().ConfigureAwait(false);
            return;
        }

        await _accounts[pair].OpenAsync(_stop.Abort).ConfigureAwait(false);
        await new AtomicPairMove(_context, pair, this, _stop).RunAsync().ConfigureAwait(false);
    }

    /// <returns>For each pair why no more could be moved between its masters; null if all could.</returns>
    private Task<RedisOperationException?[]> RunPairsAsync(
        Exclusion<MasterPair> exclusion, IEnumerable<MasterPair> pairs, Func<MasterPair, Task> step) =>
        Task.WhenAll(pairs.Select(async pair =>
        {
            try
            {
                await exclusion.EnterAsync(pair, _stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return _results.Stopped(pair, "The pair had not started.");
            }

            try
            {
                await step(pair).ConfigureAwait(false);
                return null;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return _results.Stopped(pair, "Slots that had not started are unchanged.");
            }
            catch (RedisOperationException failure)
            {
                return failure;
            }
            finally
            {
                exclusion.Leave(pair);
            }
        }));

    // An interrupted run had moved them.
    private void TransferArrived(MasterPair pair)
    {
        var arrived = pair.Slots.Where(slot => slot.State == SlotMoveState.OnTarget).ToList();
        foreach (var slot in arrived)
            slot.Begin(_stop.Clock.Now);
        SlotsTransferred(pair, arrived);
    }

    // One by one, with every check: slots with a surprise, and those that an interrupted run left half done.
    private async Task MoveDeferredAsync(MasterPair pair, RedisOperationException? failure)
    {
        var left = new Queue<SlotMove>(pair.Slots.Where(slot => slot.IsDeferred));
        // After a stop no slot is moved individually: reading its state again would take more time.
        while (left.Count > 0 && failure is null && !_stopping.IsCancellationRequested)
        {
            if (left.Peek().State == SlotMoveState.Waiting && _context.IsTimeOver)
            {
                left.Dequeue();
                continue;
            }

            LookForOtherRuns();
            var outcome = await MoveIndividuallyAsync(pair, left.Dequeue()).ConfigureAwait(false);
            _results.Report([outcome]);
            _context.Count.Slots(1);
            if (outcome.Failure is { } broken && RunResume.Ends(broken))
                failure = broken;
        }

        // A failure of the pair is a failure of each of its slots.
        var ofPair = failure is { Code: not (FailureCode.Stopped or FailureCode.AnotherToolAtWork) } ? failure : null;
        _results.Report(left.Select(slot =>
            _results.Failed(pair, slot, ofPair is null ? LeftOpen(slot) : _results.LeftOpen(pair, [slot], ofPair))));
    }

    private RedisOperationException LeftOpen(SlotMove slot) => _results.Stopped(slot, "It is left open: " + slot.DeferReason + ".");

    private async Task<SlotOutcome> MoveIndividuallyAsync(MasterPair pair, SlotMove slot)
    {
        var number = slot.Slot.ToString(CultureInfo.InvariantCulture);
        Log?.State(slot.Slot, "Slot " + number + ": moved individually, because " + slot.DeferReason);
        var (reader, started) = (_context.Reader, _stop.Clock.Now);
        try
        {
            var view = await reader.ReadAgainAsync(_stop.Abort).ConfigureAwait(false);
            var situation = await _situations.ReadAsync(view, slot.Slot, _stop.Abort).ConfigureAwait(false);
            var plan = _move.RequestForSlot(pair, situation).Plan(situation);
            _results.RecordIntent(pair, slot);
            var tally = new KeyTally { Moved = slot.Moved };
            // If the flags have changed since, the plan sets them, and that clears these.
            if (pair.Source.View!.Databases == 1)
                tally.Interrupted.UnionWith(slot.Interrupted);
            var runner = new SlotRunner(_context.Session, reader, _situations, plan, tally, Log);
            var outcome = await runner.RunAsync(_stopping).ConfigureAwait(false);
            var result = outcome.Result with { MigrationId = _results.Run.MigrationId, Operation = _move.Operation.ToString() };
            return outcome with { Result = result, Failure = outcome.Failure is { } failed ? _results.Resumable(failed) : null };
        }
        catch (RedisOperationException failure)
        {
            var ended = RunResume.Ends(failure) ? _results.LeftOpen(pair, [slot], failure) : failure;
            return _results.Failed(pair, slot, ended, _stop.Clock.Now - started);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            return _results.Failed(pair, slot, _results.Stopped(slot, "Its state was not read again."));
        }
    }

    private async Task FinishVerificationAsync()
    {
        using var limit = _stop.Extend(StopDeadlines.Verify, StopDeadlines.Verify);
        try
        {
            var abort = _stopping.IsCancellationRequested ? limit.Abort : _stop.Abort;
            IReadOnlyList<OwnershipVerifier.Disagreement> left;
            try
            {
                left = await _verifier.FinishAsync(abort).ConfigureAwait(false);
            }
            finally
            {
                await SettleAsync(abort).ConfigureAwait(false);
            }

            _results.Report(left.Select(each => _results.Unverified(each.Pair, each.Slot, "not every node agrees: " + each.Objection)));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            const string But = "the run was stopped before every node was asked";
            _results.Report(_verifier.Waiting.Select(each => _results.Unverified(each.Pair, each.Slot, But)));
        }
    }

    private void AddVerified(MasterPair pair, IReadOnlyList<SlotMove> slots)
    {
        lock (_lock)
            _verified.Add((pair, slots));
    }

    // Every node agrees on the owner of these slots. What is left is whether their keys are there.
    private async Task SettleAsync(CancellationToken abort)
    {
        List<(MasterPair Pair, IReadOnlyList<SlotMove> Slots)> verified;
        lock (_lock)
            (verified, _verified) = (_verified, []);
        foreach (var (pair, slots) in verified)
        {
            var accounts = await _accounts[pair].SettleAsync(slots, abort).ConfigureAwait(false);
            _results.Report(accounts.Select(account => _results.Settled(pair, account)));
        }
    }

    // The target may have evicted keys of slots whose results are out.
    private async Task CloseAccountsAsync()
    {
        if (_stopping.IsCancellationRequested)
            return;
        foreach (var pair in _pairs)
        {
            if (await _accounts[pair].CloseAsync(_stop.Abort).ConfigureAwait(false) is { } lost)
                _results.ReportLost(pair, lost);
        }
    }
}
