using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>Runs in the journal: list, resume and undo them.</content>
public sealed partial class RedisCluster
{
    /// <summary>The run of this invocation, from its first change on.</summary>
    private RunJournal? _run;

    /// <summary>True if the run has recorded all of its slots, so that it can be resumed as a whole.</summary>
    private bool _recordsMany;

    /// <summary>What shows the run to other runs; null before the first change.</summary>
    private RunAnnouncement? _announcement;

    /// <summary>
    /// The reader of the journal. It is kept for the invocation, so that files are not parsed for each slot of a pipeline.
    /// </summary>
    private (string Path, JournalReader Reader)? _history;

    /// <summary>False to write no journal and announce no run, as in a simulation.</summary>
    internal bool KeepsJournal { get; init; } = true;

    /// <summary>False to run no preflight checks, as in a simulation.</summary>
    internal bool LooksAhead { get; init; } = true;

    /// <summary>Gets the runs in the journal, newest first.</summary>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="id">The id of a run, or its unique beginning; null for all runs.</param>
    /// <exception cref="RedisOperationException">MigrationNotFound; JournalUnavailable: the folder can't be read.</exception>
    public static IReadOnlyList<RedisMigration> GetMigrations(string? journalPath, string? id)
    {
        var history = new JournalReader(JournalFolder.At(journalPath));
        return id is null ? history.Read() : [history.Find(id)];
    }

    /// <summary>Plans to resume a run: a plan for each slot that is not done. Changes nothing.</summary>
    /// <param name="migrationId">The run; null for the newest run on this cluster that can be resumed.</param>
    /// <returns>Nothing if no run can be resumed: an open slot without a run was opened by another tool.</returns>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress).</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanResumeAsync(string? migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindRun(view, migrationId, options) is not { } run)
            return [];
        var left = run.Slots.Where(slot => slot.Outcome is null or MigrationOutcome.Failed).ToList();
        var slots = left.Select(slot => slot.Slot).ToList();
        SlotRequest Resume(SlotSituation situation) => Resumed(left.First(slot => slot.Slot == situation.Slot), options);
        return await PlanSlotsAsync(view, slots, Resume, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans to undo a run: each slot that it opened returns to its previous owner, the last slot first.</summary>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress).</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanUndoOfRunAsync(
        string migrationId, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var opened = FindRun(view, migrationId, options)!.Slots
            .Where(slot => slot.Since is not null && slot.OwnerId is not null)
            .OrderByDescending(slot => slot.Since)
            .ToList();
        SlotRequest Undo(SlotSituation situation) =>
            Undone(view, opened.First(slot => slot.Slot == situation.Slot), strategy, allowUnreachableNode, options);
        return await PlanSlotsAsync(view, opened.Select(slot => slot.Slot).ToList(), Undo, cancellation).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<SlotPlan>> PlanSlotsAsync(
        ClusterView view, List<int> slots, Func<SlotSituation, SlotRequest> request, CancellationToken cancellation)
    {
        var plans = new List<SlotPlan>();
        foreach (var situation in await _situations.ReadAsync(view, slots, cancellation).ConfigureAwait(false))
            plans.Add(await PlanOrRefuseAsync(request(situation), situation, cancellation).ConfigureAwait(false));
        return plans;
    }

    /// <summary>
    /// A refusal because of open slots. If a run of the journal left them open, its resume is the next action: a killed run is resumed,
    /// not repeated.
    /// </summary>
    private RedisOperationException NameRun(RedisOperationException refusal, ClusterView view, string? journalPath)
    {
        if (refusal.OpenSlots is not { } open)
            return refusal;
        var newest = OpenIntents(NodeIds(view), [.. open.Slots], journalPath).Values
            .Where(intent => !intent.IsRunning && IsOpenAs(intent.Slot, view))
            .GroupBy(intent => intent.RunId).OrderByDescending(run => run.Key, StringComparer.Ordinal).FirstOrDefault();
        if (newest is null)
            return refusal;
        var slots = SlotSet.From(newest.Select(intent => intent.Slot.Slot));
        return new RedisOperationException(
            refusal.Code,
            refusal.Message + " " + newest.First().Slot.Operation + " run " + newest.Key + " left " + PlanRefusal.Some(slots) + " open.",
            refusal.Subject,
            new NextAction(NextActionCode.Resume) { MigrationId = newest.Key, JournalPath = journalPath },
            refusal);
    }

    // Another tool may have opened the slot between other masters since.
    private static bool IsOpenAs(RedisMigrationSlot slot, ClusterView view) => view.FlagsOf(slot.Slot).All(flag =>
        (flag.NodeId == slot.SourceId && flag.PeerId == slot.TargetId) || (flag.NodeId == slot.TargetId && flag.PeerId == slot.SourceId));

    private RedisMigration? FindRun(ClusterView view, string? id, MoveOptions options)
    {
        var history = History(options.JournalPath);
        var run = id is null ? history.FindResumable(node => view.Node(node) is not null) : history.Find(id);
        if (run is { IsRunning: true })
        {
            throw new RedisOperationException(
                FailureCode.JournalBusy,
                "Run " + run.Id + " is in progress in process " + run.ProcessId + " on " + run.Host + ".",
                run.Id,
                new NextAction(NextActionCode.ShowRunningRuns));
        }

        if (run is { Commands.Count: > 0 })
        {
            throw new RedisOperationException(
                FailureCode.InvalidArgument,
                "Run " + run.Id + " (" + run.Operation + ") changed nodes, not slots: it is not resumed or undone by its id.",
                run.Id,
                NextAction.Advise("run its command again: it reads the nodes and continues"));
        }

        if (run is not null && !run.NodeIds.Any(node => view.Node(node) is not null))
        {
            throw new RedisOperationException(
                FailureCode.MigrationNotFound,
                "Run " + run.Id + " was on another cluster (" + string.Join(", ", run.Seeds) + ").",
                run.Id,
                new NextAction(NextActionCode.ShowRuns));
        }

        return run;
    }

    // An interrupted run is resumed in its direction, from the state that the cluster reports.
    private SlotRequest Resumed(RedisMigrationSlot slot, MoveOptions options)
    {
        var ends = EndsOf(slot);
        return slot.Kind switch
        {
            MigrationOperation.Undo when ends is not null => InterruptedUndo(slot, options, ends, allowUnreachableNode: false),
            MigrationOperation.Start when ends is not null => new StartRequest(slot.Slot, _session, options, ends),
            MigrationOperation.Restart when ends is not null => new RestartRequest(slot.Slot, _session, options, ends.TargetId),
            MigrationOperation.Repair => Resumed(new RepairRequest(slot.Slot, _session, options, new RepairOptions()), slot),
            _ => new CompleteRequest(slot.Slot, _session, options, ends),
        };
    }

    private UndoRequest Undone(
        ClusterView view, RedisMigrationSlot slot, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options)
    {
        // The slot returns to its previous owner. If the run was an undo, that is where the keys were, not where they went.
        var before = slot.OwnerId!;
        var other = slot.TargetId is { Length: > 0 } target && target != before ? target : slot.SourceId ?? before;
        var ends = new MigrationEnds(before, view.Node(before)?.Name ?? before, other, view.Node(other)?.Name ?? other)
        {
            MasterOfReplica = slot.MasterOfReplica,
        };
        return new UndoRequest(slot.Slot, _session, options, ends, strategy, allowUnreachableNode);
    }

    private static MigrationEnds? EndsOf(RedisMigrationSlot slot) => slot is { SourceId.Length: > 0, TargetId.Length: > 0 }
        ? new MigrationEnds(slot.SourceId, slot.Source ?? slot.SourceId, slot.TargetId, slot.Target ?? slot.TargetId)
        {
            MasterOfReplica = slot.MasterOfReplica,
        }
        : null;

    private UndoRequest InterruptedUndo(RedisMigrationSlot slot, MoveOptions options, MigrationEnds ends, bool allowUnreachableNode) =>
        new(slot.Slot, _session, options, ends, StrategyOf(slot.Strategy), allowUnreachableNode, WasInterrupted: true)
        {
            SuppressedNodes = slot.SuppressedNodes,
        };

    // The direction of the slot when it was interrupted: by an undo, or by a repair that resumed an undo or returned keys to the owner.
    private RepairRequest Resumed(RepairRequest repair, RedisMigrationSlot slot) => repair with
    {
        InterruptedUndo = UndoneBy(slot) is { } ends
            ? InterruptedUndo(slot, repair.Options, ends, repair.Repair.AllowUnreachableNode)
            : null,
        InterruptedGather = slot is { Kind: MigrationOperation.Repair, Strategy: null } && slot.OwnerId == slot.TargetId
            ? EndsOf(slot)
            : null,
    };

    /// <summary>The migration that was being undone when the run was interrupted; null if it was no undo.</summary>
    private static MigrationEnds? UndoneBy(RedisMigrationSlot slot) =>
        slot is { Kind: MigrationOperation.Undo } or { Kind: MigrationOperation.Repair, Strategy: not null } ? EndsOf(slot) : null;

    private static UndoStrategy? StrategyOf(SlotPlan plan) =>
        (plan.Request as UndoRequest ?? (plan.Request as RepairRequest)?.InterruptedUndo)?.Strategy;

    private static UndoStrategy StrategyOf(string? text) =>
        Enum.TryParse<UndoStrategy>(text, out var strategy) ? strategy : UndoStrategy.RoundTrip;

    private IReadOnlyDictionary<int, OpenIntent> OpenIntents(
        IEnumerable<string> nodeIds, IReadOnlyCollection<int> slots, string? journalPath)
    {
        if (!KeepsJournal || slots.Count == 0)
            return new Dictionary<int, OpenIntent>();
        try
        {
            return History(journalPath).OpenIntents(nodeIds, slots, _run);
        }
        catch (RedisOperationException unreadable) when (unreadable.Code == FailureCode.JournalUnavailable)
        {
            // The journal is only evidence. The state of the cluster is sufficient.
            return new Dictionary<int, OpenIntent>();
        }
    }

    private JournalReader History(string? journalPath)
    {
        var folder = JournalFolder.At(journalPath);
        if (_history is not { } history || history.Path != folder.Path)
            _history = history = (folder.Path, new JournalReader(folder));
        return history.Reader;
    }

    // A run that was killed at its very end finished the slot without recording it. The outcome is recorded now.
    private bool IsLeftOpenInJournal(SlotPlan plan) =>
        OpenIntents(plan.Nodes, [plan.Slot], plan.Options.JournalPath).TryGetValue(plan.Slot, out var intent)
        && intent.Slot.Outcome != MigrationOutcome.Restarted;

    /// <returns>False if a stop was requested first. The runner then reports the stop, and writes nothing.</returns>
    /// <exception cref="RedisOperationException">As the method below.</exception>
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

    /// <summary>Begins the run of this invocation, if it has not begun, for one slot or several.</summary>
    /// <exception cref="RedisOperationException">As the method below.</exception>
    private async Task BeginAsync(SlotPlan plan, CancellationToken stop)
    {
        if (!KeepsJournal || (_run is not null && (_announcement is not null || !LooksAhead)))
            return;
        var view = await _reader.ReadAgainAsync(stop).ConfigureAwait(false);
        await BeginAsync(plan.Kind, StrategyOf(plan)?.ToString(), view, plan.Options, stop).ConfigureAwait(false);
    }

    /// <summary>
    /// Begins the run of this invocation, if it has not begun: takes the lock of this machine, begins the journal, and announces the run
    /// to runs on other machines.
    /// </summary>
    /// <returns>True if the run began now.</returns>
    /// <exception cref="RedisOperationException">JournalBusy, AnotherToolAtWork or JournalUnavailable. Nothing was changed.</exception>
    private async Task<bool> BeginAsync(
        MigrationOperation operation, string? strategy, ClusterView view, MoveOptions options, CancellationToken stop,
        MembershipPlan? change = null)
    {
        if (!KeepsJournal)
            return false;
        if (_run is null)
        {
            var folder = JournalFolder.At(options.JournalPath);
            var header = RunHeader.Of(operation, strategy, _session, NodeIds(view)) with
            {
                MasterOfReplica = view.MasterOfReplica,
                Commands = change?.Commands.Select(command => command.Node + ": " + command.Command).ToList() ?? [],
                Node = change?.Node,
                NodeId = change?.NodeId,
                KeepsEmptyMaster = options.KeepEmptyMaster,
            };
            _run = RunJournal.Begin(folder, header, locks: JournalFolder.ForLocks(folder));
        }

        if (_announcement is not null || !LooksAhead)
            return false;
        var announcement = new RunAnnouncement(_reader, view, _run.Id, _log);
        try
        {
            await announcement.AnnounceAsync(stop).ConfigureAwait(false);
        }
        catch
        {
            // The lock is free at once, and the next change of this invocation begins anew.
            _run.Dispose();
            _run = null;
            throw;
        }

        _announcement = announcement;
        return true;
    }

    // During its handshake a node has a temporary id.
    private static IEnumerable<string> NodeIds(ClusterView view) =>
        view.Nodes.Where(node => node.State != RedisNodeState.Handshake).Select(node => node.Id);

    private static SlotEntry EntryOf(SlotPlan plan) => new(
        plan.Slot,
        plan.Kind,
        StrategyOf(plan)?.ToString(),
        plan.SourceId,
        plan.Source,
        plan.TargetId,
        plan.Target,
        plan.Owner,
        plan.KeysOnSource);

    private void Note(int slot, string? warning)
    {
        if (warning is not null)
            _log?.Warning(slot, warning);
    }
}
