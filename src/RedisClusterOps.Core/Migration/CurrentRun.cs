using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;

namespace RedisClusterOps.Migration;

/// <summary>
/// The run of one invocation, from its first change on. Before that it takes the lock of this machine, begins the journal, and announces
/// itself to runs on other machines. All plans of the invocation are carried out in it.
/// </summary>
internal sealed class CurrentRun(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, NodeWatch nodes, RunHistory history, OperationLog? log)
    : IDisposable
{
    private RunAnnouncement? _announcement;

    /// <summary>True if the run has recorded all of its slots, so that it can be resumed as a whole.</summary>
    private bool _recordsMany;

    /// <summary>False to announce no run, as in a simulation.</summary>
    public bool IsAnnounced { get; set; } = true;

    /// <summary>The master of each replica when the run began that this one continues; null if it continues none.</summary>
    public IReadOnlyDictionary<string, string>? EarlierMasterOfReplica { get; set; }

    /// <summary>The journal of the run; null before the first change, or if no journal is kept.</summary>
    public RunJournal? Journal => history.Own;

    /// <summary>Begins the run, if it has not begun.</summary>
    /// <param name="strategy">The strategy of an undo; otherwise null.</param>
    /// <param name="change">A change of members or roles; null for a run on slots.</param>
    /// <returns>True if the run was announced now, so that another run may have ended since the view was read.</returns>
    /// <exception cref="RedisOperationException">JournalBusy, AnotherToolAtWork or JournalUnavailable. Nothing was changed.</exception>
    public async Task<bool> BeginAsync(
        MigrationOperation operation, string? strategy, ClusterView view, MoveOptions options, CancellationToken stop,
        MembershipPlan? change = null)
    {
        if (!history.KeepsJournal)
            return false;
        if (history.Own is null)
        {
            var folder = JournalFolder.At(options.JournalPath);
            var header = RunHeader.Of(operation, strategy, session, view.NodeIds) with
            {
                MasterOfReplica = view.MasterOfReplicaSince(EarlierMasterOfReplica),
                Commands = change?.Commands.Select(command => command.Node + ": " + command.Command).ToList() ?? [],
                Node = change?.Node,
                NodeId = change?.NodeId,
                KeepsEmptyMaster = options.KeepEmptyMaster,
            };
            history.Own = RunJournal.Begin(folder, header, locks: JournalFolder.ForLocks(folder));
        }

        if (_announcement is not null || !IsAnnounced)
            return false;
        var announcement = new RunAnnouncement(reader, view, history.Own.Id, log);
        try
        {
            await announcement.AnnounceAsync(stop).ConfigureAwait(false);
        }
        catch
        {
            // The lock is free at once, and the next change of this invocation begins anew.
            Dispose();
            throw;
        }

        _announcement = announcement;
        return true;
    }

    /// <summary>Records all slots of the run, so that it can be resumed as a whole.</summary>
    /// <returns>The number of recorded slots: 0 if there are fewer than two.</returns>
    /// <inheritdoc cref="BeginAsync(MigrationOperation, string, ClusterView, MoveOptions, CancellationToken, MembershipPlan)"/>
    public async Task<int> RecordAsync(IEnumerable<SlotPlan> plans, CancellationToken stop)
    {
        var work = plans.Where(plan => !plan.IsDone && plan.Refusal is null).ToList();
        if (work.Count < 2)
            return 0;
        await BeginAsync(work[0], stop).ConfigureAwait(false);
        Journal?.Planned(work.Select(SlotEntry.Of));
        _recordsMany = true;
        return work.Count;
    }

    /// <summary>Carries out the plan of one slot. Each step is derived again from the state of the cluster.</summary>
    public async Task<SlotOutcome> CarryOutAsync(SlotPlan plan, CancellationToken stop)
    {
        if (plan.Refusal is not null || (plan.IsDone && !history.IsLeftOpen(plan)))
            return await RunnerOf(plan, null).RunAsync(stop).ConfigureAwait(false);
        if (!await TryBeginAsync(plan, stop).ConfigureAwait(false))
            return await RunnerOf(plan, null).RunAsync(stop).ConfigureAwait(false);
        var journal = Journal;
        journal?.Intend(SlotEntry.Of(plan));
        var outcome = await RunnerOf(plan, journal).RunAsync(stop).ConfigureAwait(false);
        outcome = outcome with
        {
            Result = outcome.Result with { MigrationId = journal?.Id },
            Failure = Resumable(outcome.Failure, plan, journal),
        };
        Warn(plan.Slot, journal?.Outcome(outcome.Result, outcome.Failure?.Code));
        return outcome;
    }

    /// <summary>Moves keys of an open slot from its source to its target. The slot stays open.</summary>
    public async Task<KeyMoveOutcome> MoveKeysAsync(SlotPlan plan, CancellationToken stop)
    {
        _ = await TryBeginAsync(plan, stop).ConfigureAwait(false);
        return await RunnerOf(plan, null).MoveKeysAsync(stop).ConfigureAwait(false);
    }

    /// <summary>Starts to carry out a group of plans (<see cref="BulkWays.Groups"/>), all pairs of masters concurrently.</summary>
    public async Task<SlotMoveRun> StartAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop)
    {
        await BeginAsync(plans[0], stop).ConfigureAwait(false);
        var way = BulkWays.Of(plans[0]);
        if (way == BulkWay.Steps)
        {
            var stopping = new StopRequest(reader.Clock, stop);
            return new BulkPlanRun(
                session, reader, situations, plans, Journal, _announcement, log, plan => RunnerOf(plan, Journal), stopping, stop).Start();
        }

        var view = await reader.ReadAsync(null, stop).ConfigureAwait(false);
        var isBack = way == BulkWay.Back;
        return Start(view, BulkMove.Of(plans, isBack), MasterPair.Of(view, plans, isBack), plans[0].Options, stop);
    }

    /// <summary>Starts to move pairs of masters concurrently. The run has begun.</summary>
    public SlotMoveRun Start(
        ClusterView view, BulkMove move, IReadOnlyList<MasterPair> pairs, MoveOptions options, CancellationToken stop) =>
        new BulkMoveRun(session, reader, situations, nodes, view, move, pairs, options, Journal, _announcement, log, stop).Start();

    /// <summary>Ends the run and releases the lock. The next change of this invocation begins another one.</summary>
    public void Dispose()
    {
        history.Own?.Dispose();
        (history.Own, _announcement) = (null, null);
    }

    private async Task BeginAsync(SlotPlan plan, CancellationToken stop)
    {
        if (!history.KeepsJournal || (Journal is not null && (_announcement is not null || !IsAnnounced)))
            return;
        var view = await reader.ReadAgainAsync(stop).ConfigureAwait(false);
        await BeginAsync(plan.Kind, plan.Undo?.Strategy.ToString(), view, plan.Options, stop).ConfigureAwait(false);
    }

    /// <returns>False if a stop was requested first. The runner then reports the stop, and writes nothing.</returns>
    private async Task<bool> TryBeginAsync(SlotPlan plan, CancellationToken stop)
    {
        try
        {
            await BeginAsync(plan, stop).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
    }

    // After a stop of one slot the same command continues. Any other end of the run may concern more slots than this one.
    private RedisOperationException? Resumable(RedisOperationException? failure, SlotPlan plan, RunJournal? journal) =>
        journal is not null && (failure is { Code: FailureCode.NodeUnreachable } or { ConcernsWholeCluster: true }
            || (_recordsMany && failure is { Code: FailureCode.Stopped }))
            ? RunResume.Of(failure, journal.Id, plan.Options)
            : failure;

    private SlotRunner RunnerOf(SlotPlan plan, RunJournal? journal)
    {
        var tally = new KeyTally
        {
            Progressed = journal is null ? null : (moved, total) => journal.Progress(plan.Slot, moved, Math.Max(0, total - moved)),
        };
        return new SlotRunner(session, reader, situations, plan, tally, log)
        {
            Settings = journal is null ? null : new SettingRecord(
                nodeId => journal.SettingChanging(plan.Slot, nodeId),
                nodeId => Warn(plan.Slot, journal.SettingRestored(plan.Slot, nodeId))),
        };
    }

    private void Warn(int slot, string? warning)
    {
        if (warning is not null)
            log?.Warning(slot, warning);
    }
}
