using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>What is written down of the changes, and what can be gone on with or undone from it.</content>
public sealed partial class RedisCluster
{
    /// <summary>The run that this invocation is, from its first change on.</summary>
    private RunJournal? _run;

    /// <summary>What is known of the journal; kept for the invocation, so that no file is parsed for each slot of a pipeline.</summary>
    private (string Path, JournalReader Reader)? _history;

    /// <summary>False where nothing is to be written down, as in a simulation.</summary>
    internal bool KeepsJournal { get; init; } = true;

    /// <summary>False where nothing is to be asked before a plan but the slots themselves, as in a simulation.</summary>
    internal bool LooksAhead { get; init; } = true;

    /// <summary>Runs of this machine's user, newest first.</summary>
    /// <param name="journalPath">The folder of the journal; null for the user's own.</param>
    /// <param name="id">Only the run with this id, or the one whose id begins so; null for all.</param>
    /// <exception cref="RedisOperationException">MigrationNotFound; JournalUnavailable: the folder can't be read.</exception>
    public static IReadOnlyList<RedisMigration> GetMigrations(string? journalPath, string? id)
    {
        var history = new JournalReader(JournalFolder.At(journalPath));
        return id is null ? history.Read() : [history.Find(id)];
    }

    /// <summary>What going on with a run would do: a plan for each of its slots that is not done. Reads and checks, writes nothing.</summary>
    /// <param name="migrationId">The run; null for the newest one on this cluster that can be gone on with. Where the journal knows none, every open slot of the cluster is repaired: forward, as its flags say.</param>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (it is still running).</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanResumeAsync(string? migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindRun(view, migrationId, options) is { } run)
        {
            var left = run.Slots.Where(slot => slot.Outcome is null or MigrationOutcome.Failed).ToList();
            return await PlanSlotsAsync(view, left.Select(slot => slot.Slot).ToList(), situation => Resumed(left.First(slot => slot.Slot == situation.Slot), options), cancellation).ConfigureAwait(false);
        }

        var open = view.OpenFlags.Select(flag => flag.Slot).Distinct().ToList();
        return await PlanSlotsAsync(view, open, situation => new RepairOperation(situation.Slot, _session, options, new RepairOptions()), cancellation).ConfigureAwait(false);
    }

    /// <summary>What undoing a whole run would do: every slot that it took up goes back to the master that owned it before, the last one first.</summary>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (it is still running).</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanUndoOfRunAsync(
        string migrationId, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var taken = FindRun(view, migrationId, options)!.Slots.Where(slot => slot.Since is not null && slot.OwnerId is not null).OrderByDescending(slot => slot.Since).ToList();
        return await PlanSlotsAsync(view, taken.Select(slot => slot.Slot).ToList(), situation => Undone(view, taken.First(slot => slot.Slot == situation.Slot), strategy, allowUnreachableNode, options), cancellation).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<SlotPlan>> PlanSlotsAsync(ClusterView view, List<int> slots, Func<SlotSituation, SlotOperation> operation, CancellationToken cancellation)
    {
        var plans = new List<SlotPlan>();
        foreach (var situation in await _situations.ReadAsync(view, slots, cancellation).ConfigureAwait(false))
            plans.Add(await PlanOrRefuseAsync(operation(situation), situation, cancellation).ConfigureAwait(false));
        return plans;
    }

    private RedisMigration? FindRun(ClusterView view, string? id, MoveOptions options)
    {
        var history = History(options.JournalPath);
        var run = id is null ? history.FindResumable(node => view.Node(node) is not null) : history.Find(id);
        if (run is { IsRunning: true })
            throw new RedisOperationException(FailureCode.JournalBusy, "Run " + run.Id + " is at work, in process " + run.ProcessId + " on " + run.Host + ".", run.Id, new NextAction(NextActionCode.ShowRunningRuns));
        if (run is not null && !run.NodeIds.Any(node => view.Node(node) is not null))
            throw new RedisOperationException(FailureCode.MigrationNotFound, "Run " + run.Id + " was on another cluster (" + string.Join(", ", run.Seeds) + ").", run.Id, new NextAction(NextActionCode.ShowRuns));
        return run;
    }

    // A run that was cut off goes on where it was going; the cluster says from where.
    private SlotOperation Resumed(RedisMigrationSlot slot, MoveOptions options)
    {
        var ends = EndsOf(slot);
        return slot.Kind switch
        {
            MigrationOperation.Undo when ends is not null => new UndoOperation(slot.Slot, _session, options, ends, StrategyOf(slot.Strategy), AllowUnreachableNode: false, WasCutOff: true) { SuppressedNodes = slot.SuppressedNodes },
            MigrationOperation.Start when ends is not null => new StartOperation(slot.Slot, _session, options, ends),
            MigrationOperation.Restart when ends is not null => new RestartOperation(slot.Slot, _session, options, ends.TargetId),
            MigrationOperation.Repair => GoneOn(new RepairOperation(slot.Slot, _session, options, new RepairOptions()), slot),
            _ => new CompleteOperation(slot.Slot, _session, options, ends),
        };
    }

    private UndoOperation Undone(ClusterView view, RedisMigrationSlot slot, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options)
    {
        // The owner before is where it goes back to; of an undo that is where the keys were, not where they went.
        var before = slot.OwnerId!;
        var other = slot.TargetId is { Length: > 0 } target && target != before ? target : slot.SourceId ?? before;
        var ends = new AgreedEnds(before, view.Node(before)?.Name ?? before, other, view.Node(other)?.Name ?? other);
        return new UndoOperation(slot.Slot, _session, options, ends, strategy, allowUnreachableNode);
    }

    private static AgreedEnds? EndsOf(RedisMigrationSlot slot) => slot is { SourceId.Length: > 0, TargetId.Length: > 0 }
        ? new AgreedEnds(slot.SourceId, slot.Source ?? slot.SourceId, slot.TargetId, slot.Target ?? slot.TargetId)
        : null;

    // The way that the slot was going when it was cut off, by an undo or by a repair that went on with one or brought keys home.
    private static RepairOperation GoneOn(RepairOperation repair, RedisMigrationSlot slot) => repair with
    {
        Undoing = UndoneBy(slot) is { } ends
            ? new UndoOperation(slot.Slot, repair.Session, repair.Options, ends, StrategyOf(slot.Strategy), repair.What.AllowUnreachableNode, WasCutOff: true) { SuppressedNodes = slot.SuppressedNodes }
            : null,
        Gathering = slot is { Kind: MigrationOperation.Repair, Strategy: null } && slot.OwnerId == slot.TargetId ? EndsOf(slot) : null,
    };

    /// <summary>The migration that was being undone when that was cut off; null where the intent was another.</summary>
    private static AgreedEnds? UndoneBy(RedisMigrationSlot slot) => slot is { Kind: MigrationOperation.Undo } or { Kind: MigrationOperation.Repair, Strategy: not null } ? EndsOf(slot) : null;

    private static UndoStrategy? StrategyOf(SlotPlan plan) => (plan.Request as UndoOperation ?? (plan.Request as RepairOperation)?.Undoing)?.Strategy;

    private static UndoStrategy StrategyOf(string? text) => Enum.TryParse<UndoStrategy>(text, out var strategy) ? strategy : UndoStrategy.RoundTrip;

    private IReadOnlyDictionary<int, OpenIntent> OpenIntents(IEnumerable<string> nodeIds, IReadOnlyCollection<int> slots, string? journalPath)
    {
        if (!KeepsJournal || slots.Count == 0)
            return new Dictionary<int, OpenIntent>();
        try
        {
            return History(journalPath).OpenIntents(nodeIds, slots, _run);
        }
        catch (RedisOperationException unreadable) when (unreadable.Code == FailureCode.JournalUnavailable)
        {
            // The journal is evidence. The cluster itself is the truth, and suffices.
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

    // A run that was killed at its very end finished the slot without writing so. The outcome is written now.
    private bool IsLeftOpenInJournal(SlotPlan plan) =>
        OpenIntents(plan.Nodes, [plan.Slot], plan.Options.JournalPath).TryGetValue(plan.Slot, out var intent) && intent.Slot.Outcome != MigrationOutcome.Restarted;

    private RunJournal? Begin(SlotPlan plan)
    {
        if (_run is null && KeepsJournal)
        {
            var strategy = StrategyOf(plan)?.ToString();
            var folder = JournalFolder.At(plan.Options.JournalPath);
            _run = RunJournal.Begin(folder, RunHeader.Of(plan.Kind, strategy, _session, plan.Nodes), locks: JournalFolder.ForLocks(folder));
        }

        return _run;
    }

    // A node that is still being introduced has another id for everybody.
    private static IEnumerable<string> NodeIds(ClusterView view) => view.Nodes.Where(node => node.State != RedisNodeState.Handshake).Select(node => node.Id);

    private static SlotEntry EntryOf(SlotPlan plan) => new(
        plan.Slot, plan.Kind, StrategyOf(plan)?.ToString(), plan.SourceId, plan.Source, plan.TargetId, plan.Target, plan.Owner, plan.KeysOnSource);

    private KeyTally TallyOf(SlotPlan plan, RunJournal? run) => new()
    {
        Settings = run is null ? null : new SettingRecord(nodeId => run.SettingChanging(plan.Slot, nodeId), nodeId => Note(plan.Slot, run.SettingRestored(plan.Slot, nodeId))),
        Progressed = run is null ? null : (moved, total) => run.Progress(plan.Slot, moved, Math.Max(0, total - moved)),
    };

    private void Note(int slot, string? warning)
    {
        if (warning is not null)
            _log?.Warning(slot, warning);
    }
}
