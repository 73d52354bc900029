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
using RedisClusterOps.Migration.Recovery;

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
    private readonly BulkMoveVerification _verification;
    private readonly ReplicaMigrationSuppression? _suppression;
    private readonly StopRequest _stop;
    private readonly CancellationTokenSource _yielding;
    private readonly CancellationToken _stopping;
    private readonly RunAnnouncement? _announcement;
    private readonly int _mostPairs;
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
        _results = new BulkMoveResults(move, session, options, journal, log, reader.Clock);
        _verification = new BulkMoveVerification(reader, view, pairs, _results, _stop);
        var pace = new MovePace(reader, nodes, options, log);
        var count = new MoveCount(pairs.Sum(pair => pair.Slots.Count), log, reader.Clock);
        _context = new MoveContext(reader, session, options, pace, count, log)
        {
            KeysPerSecond = options.MaxKeysPerSecond > 0
                ? (double)options.MaxKeysPerSecond / Math.Max(1, Math.Min(pairs.Count, _mostPairs))
                : null,
            SlotsReturn = move.IsUndo,
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
        _verification.Add(pair, slots);
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

    Task IPairMoveObserver.VerifyDueAsync() => _verification.VerifyDueAsync();

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
        var deferred = new DeferredSlots(_context, _situations, _move, _results, _stop, _stopping) { Begins = LookForOtherRuns };
        foreach (var (pair, failure) in _pairs.Zip(failures, (pair, failure) => (pair, failure)))
            await deferred.MoveAsync(pair, failure).ConfigureAwait(false);
        await _verification.FinishAsync(_stopping).ConfigureAwait(false);
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

        await _verification.OpenAccountAsync(pair).ConfigureAwait(false);
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
}
