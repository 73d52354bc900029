using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>What a run of many slots does.</summary>
/// <param name="Success">The outcome of a slot that was moved.</param>
/// <param name="RequestForSlot">The request for a slot that is moved individually.</param>
internal sealed record BulkMove(
    MigrationOperation Operation, MigrationOutcome Success, Func<MasterPair, SlotSituation, SlotRequest> RequestForSlot)
{
    /// <summary>
    /// True if slots return to the masters that they came from. Those that are still open in the other direction are completed first.
    /// </summary>
    public bool IsUndo { get; init; }

    /// <summary>True if replica migration is suppressed, so that masters that lose their last slot stay masters.</summary>
    public bool SuppressesReplicaMigration { get; init; }

    /// <summary>Ids of nodes on which an interrupted run left replica migration suppressed.</summary>
    public IReadOnlyCollection<string> SuppressedNodes { get; init; } = [];

    /// <summary>Moves of a plan.</summary>
    /// <param name="masterOfReplica">The master of each replica when the run began, by their ids.</param>
    public static BulkMove Of(
        MigrationOperation operation, RedisClusterSession session, MoveOptions options,
        IReadOnlyDictionary<string, string> masterOfReplica) =>
        new(operation, SlotMoveRequest.SuccessOf(operation), (pair, situation) =>
        {
            var ends = MigrationEnds.Of(pair.Source, pair.Target) with { MasterOfReplica = masterOfReplica };
            // A slot that migrates towards this pair's source: that migration is undone.
            return operation == MigrationOperation.Undo && SlotDiagnostician.Diagnose(situation) is { Source: { } from }
                && !ends.IsSource(situation.View, from)
                ? new UndoRequest(situation.Slot, session, options, ends.Reversed, UndoStrategy.RoundTrip, AllowUnreachableNode: false)
                : new SlotMoveRequest(situation.Slot, session, options, ends, operation);
        })
        {
            IsUndo = operation == MigrationOperation.Undo,
            SuppressesReplicaMigration = operation == MigrationOperation.Undo || options.KeepEmptyMaster,
        };

    /// <summary>The moves of plans that are carried out together.</summary>
    /// <param name="isBack">True if the slots return to the masters that they came from (<see cref="BulkWay.Back"/>).</param>
    public static BulkMove Of(IReadOnlyList<SlotPlan> plans, bool isBack)
    {
        var requests = plans.ToDictionary(plan => plan.Slot, plan => plan.Request!);
        return new BulkMove(plans[0].Kind, plans[0].Request!.Success, (_, situation) => requests[situation.Slot])
        {
            IsUndo = isBack,
            SuppressesReplicaMigration = isBack,
            SuppressedNodes = plans.SelectMany(plan => plan.Undo?.SuppressedNodes ?? []).Distinct().ToList(),
        };
    }
}

/// <summary>What all pairs of a bulk move share.</summary>
internal sealed record MoveContext(
    ClusterReader Reader, RedisClusterSession Session, MoveOptions Options, MovePace Pace, MoveCount Count, OperationLog? Log)
{
    /// <summary>Keys per second that each pair may move; null if the rate is not limited.</summary>
    public double? KeysPerSecond { get; init; }

    /// <summary>True if the slots return to masters that may have owned them a moment ago.</summary>
    public bool SlotsReturn { get; init; }

    private bool _isTimeOver;

    /// <summary>True once the run begins with no further slot (<see cref="MoveOptions.Until"/>). It stays true.</summary>
    public bool IsTimeOver => _isTimeOver = _isTimeOver || Options.Until <= Reader.Clock.UtcNow;

    /// <summary>The servers' own tasks that this run began.</summary>
    public BegunTasks AtomicTasks { get; } = new();

    public MigrateCommand CommandFor(ClusterNode source, ClusterNode target) => MigrateCommand.From(Session, Options, source, target);

    /// <summary>The batches of a pair, which are limited together with those of the other pairs.</summary>
    public BatchTiming TimingOf(ClusterNode source, ClusterNode target, StopRequest stop) =>
        new(Pace.Of(source), Pace.Of(target), stop, () => Pace.HasClients(source, target), Pace.Batches);

    /// <summary>Reports the progress to the log.</summary>
    public void ReportProgress() => Count.Report(Pace.Status);

    /// <summary>Counts the keys of slots on their source.</summary>
    public async Task CountKeysAsync(MasterPair pair, IReadOnlyList<SlotMove> slots, CancellationToken abort)
    {
        var connection = await Reader.ConnectAsync(pair.Source, abort).ConfigureAwait(false);
        var counts = await SlotKeyCounter
            .CountAsync(connection, pair.Source.View!.Databases, slots.Select(slot => slot.Slot).ToList(), abort).ConfigureAwait(false);
        for (var i = 0; i < slots.Count; i++)
            slots[i].Keys = counts[i] ?? 0;
        Count.Expect(slots.Sum(slot => slot.Keys));
    }
}

/// <summary>The progress of a move of many slots, in slots and keys. Thread-safe: the pairs of masters count concurrently.</summary>
internal sealed class MoveCount(int slots, OperationLog? log, IClock clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan _started = clock.Now;
    private readonly object _turn = new();
    private long _keys;
    private long _expected;
    private int _slots;
    private TimeSpan _reported = TimeSpan.FromSeconds(-1);

    /// <summary>Adds keys that are to move.</summary>
    public void Expect(long keys) => Interlocked.Add(ref _expected, keys);

    public void Keys(long moved) => Interlocked.Add(ref _keys, moved);

    public void Slots(int done) => Interlocked.Add(ref _slots, done);

    /// <summary>Reports to the log, at most ten times per second.</summary>
    /// <param name="status">What the move waits for, or why it is slow; null if neither is the case.</param>
    public void Report(string? status)
    {
        lock (_turn)
        {
            var elapsed = clock.Now - _started;
            if (elapsed - _reported < Interval)
                return;
            _reported = elapsed;
            log?.Progress(new OperationEvent
            {
                Kind = OperationEventKind.Progress,
                KeysDone = Interlocked.Read(ref _keys),
                KeysTotal = Math.Max(Interlocked.Read(ref _expected), Interlocked.Read(ref _keys)),
                SlotsDone = _slots,
                SlotsTotal = slots,
                Elapsed = elapsed,
                Message = status ?? string.Empty,
            });
        }
    }
}

/// <summary>The tasks that one run has started, of all its pairs of masters. Valkey cancels all exports of a source together.</summary>
internal sealed class BegunTasks
{
    private readonly ConcurrentDictionary<string, bool> _ids = new(StringComparer.Ordinal);
    private TaskCompletionSource<bool> _end = NewEnd();

    public ICollection<string> Ids => _ids.Keys;

    /// <summary>
    /// Completes when the next task ends: a Redis node takes part in one task at a time, so another pair may be waiting for that.
    /// </summary>
    public Task NextEnd => Volatile.Read(ref _end).Task;

    public void Add(string id) => _ids[id] = true;

    public bool Contains(string id) => _ids.ContainsKey(id);

    public void SignalEnd() => Interlocked.Exchange(ref _end, NewEnd()).SetResult(true);

    private static TaskCompletionSource<bool> NewEnd() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Receives what happens to the slots of a pair while they move.</summary>
internal interface IPairMoveObserver
{
    /// <summary>The pair is about to touch these slots. A slot without a journal entry is not touched.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    void RecordIntent(MasterPair pair, IReadOnlyList<SlotMove> slots);

    /// <summary>The target owns these slots now. They wait to be verified.</summary>
    void SlotsTransferred(MasterPair pair, IReadOnlyList<SlotMove> slots);

    /// <summary>These slots are unchanged after all; they wait again.</summary>
    void RestoreSlots(MasterPair pair, IReadOnlyList<SlotMove> slots);

    /// <summary>Verifies the slots that wait for it, unless that was done a moment ago.</summary>
    Task VerifyDueAsync();
}
