using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps;

/// <content>Operations on slots: first a plan, which only reads, then the run of the plan.</content>
public sealed partial class RedisCluster
{
    /// <summary>Plans the completion of a slot's migration. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The source that the caller expects; null for any.</param>
    /// <param name="target">The target that the caller expects; null for any.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOpen, SlotNotOwned, SlotStateUnsuitable, SourceNotEmpty, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    /// <returns>A plan without commands if the named target already owns the slot.</returns>
    public async Task<SlotPlan> PlanCompletionAsync(
        int slot, string? source, string? target, MoveOptions options, CancellationToken cancellation)
    {
        var (_, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        var request = CompletionOf(situation, source, target, options);
        return await CheckAsync(request.Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    private CompleteRequest CompletionOf(SlotSituation situation, string? source, string? target, MoveOptions options)
    {
        var (view, slot) = (situation.View, situation.Slot);
        var isStable = RequireNamed(situation, source, target) is null;
        // Repeating the command after the migration is complete is not an error.
        var owner = isStable && target is not null && Find(view, target) is { } named && view.OwnerOf(slot) == named.Id ? named : null;
        return new CompleteRequest(slot, _session, options, owner is null ? null : MigrationEnds.Of(owner, owner));
    }

    /// <summary>Plans a move of keys of an open slot. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The source that the caller expects; null for any.</param>
    /// <param name="target">The target that the caller expects; null for any.</param>
    /// <param name="first">The most keys to move, 1 or more; null for all.</param>
    /// <param name="keys">Only these keys, as UTF-8; null for any. Names with the same bytes are one key.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">KeyNotInSlot, or as <see cref="PlanCompletionAsync"/>.</exception>
    public async Task<SlotPlan> PlanKeyMoveAsync(
        int slot, string? source, string? target, int? first, IReadOnlyList<string>? keys, MoveOptions options,
        CancellationToken cancellation)
    {
        foreach (var key in keys ?? [])
        {
            if (LocateKey(key).Slot is var actual && actual != slot)
            {
                var shown = Printable.Clean(Printable.Quote(Encoding.UTF8.GetBytes(key)), 200);
                throw new RedisOperationException(
                    FailureCode.KeyNotInSlot,
                    "Key " + shown + " hashes to slot " + Number(actual) + ", not to " + Number(slot) + ".",
                    key,
                    new NextAction(NextActionCode.FindSlotOfKey));
            }
        }

        // A key that is named twice counts once for the limit, too.
        var named = keys?.Select(Encoding.UTF8.GetBytes).Distinct(KeyBytes.Comparer).Take(first ?? int.MaxValue).ToList();
        var (_, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        RequireNamed(situation, source, target);
        var request = new KeyMoveRequest(slot, _session, options, first, named);
        return await CheckAsync(request.Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans to open a stable slot for a migration. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The owner that the caller expects; null for any.</param>
    /// <param name="target">The master that the slot will move to.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOwned, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    /// <returns>A plan without commands if the slot is already open between these masters.</returns>
    public async Task<SlotPlan> PlanStartAsync(int slot, string? source, string target, MoveOptions options, CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        var ends = MigrationEnds.Of(source is null ? OwnerOf(view, slot) : Find(view, source), FindTarget(view, target));
        var request = new StartRequest(slot, _session, options, ends);
        return await CheckAsync(request.Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans to make both ends of an open slot consistent. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="target">Another target, which is possible while no key has moved; null to keep the target.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOpen, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    /// <returns>A plan without commands if both ends are consistent.</returns>
    public async Task<SlotPlan> PlanRestartAsync(int slot, string? target, MoveOptions options, CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        RequireKnownFlags(situation);
        var request = new RestartRequest(slot, _session, options, target is null ? null : FindTarget(view, target).Id);
        return await CheckAsync(request.Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans the undo of a slot's migration. Reads and checks, changes nothing.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="source">The migration's source, which the slot returns to; null for any.</param>
    /// <param name="target">The migration's target; null for any.</param>
    /// <param name="strategy">How keys return that have already moved.</param>
    /// <param name="allowUnreachableNode">True to abandon the keys that an unreachable target may hold.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">
    /// SlotNotOpen, SlotNotOwned, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.
    /// </exception>
    public async Task<SlotPlan> PlanUndoAsync(
        int slot, string? source, string? target, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options,
        CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        var intents = OpenIntents(NodeIds(view), [slot], options.JournalPath);
        var request = await UndoOfAsync(
            situation, source, target, strategy, allowUnreachableNode, options, intents,
            node => _situations.HidesAsync(node, cancellation)).ConfigureAwait(false);
        return await CheckAsync(request.Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    private async Task<SlotRequest> UndoOfAsync(
        SlotSituation situation, string? source, string? target, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options,
        IReadOnlyDictionary<int, OpenIntent> intents, Func<ClusterNode, Task<bool>> hidesAsync)
    {
        RequireKnownFlags(situation);
        var (view, slot) = (situation.View, situation.Slot);
        var interrupted = intents.TryGetValue(slot, out var intent) ? UndoneBy(intent.Slot) : null;
        var (from, to) = (source is null ? null : Find(view, source), target is null ? null : FindTarget(view, target));
        var ends = MigrationEnds.ForUndo(situation, from, to, interrupted);
        SlotRequest undo = new UndoRequest(slot, _session, options, ends, strategy, allowUnreachableNode, interrupted is not null)
        {
            SuppressedNodes = intent?.Slot.SuppressedNodes ?? [],
        };
        return undo.MasterThatMayHideKeys(situation) is { } node && await hidesAsync(node).ConfigureAwait(false)
            ? undo.RevealingHiddenKeys()
            : undo;
    }

    /// <summary>Plans the repair of slots: one plan for each slot with a problem. Reads and checks, changes nothing.</summary>
    /// <param name="repair">What the repair may change and decide.</param>
    /// <param name="options">How keys are moved.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>
    /// The plans. If only a person can decide, a plan has no commands but a <see cref="SlotPlan.Refusal"/> with the choices.
    /// </returns>
    /// <exception cref="RedisOperationException">
    /// NodeNotFound or AmbiguousNode of the named target, or the cluster can't be read.
    /// </exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanRepairAsync(RepairOptions repair, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var chosen = repair.Target is null ? null : FindTarget(view, repair.Target).Id;
        var slots = repair.Slots?.Distinct().OrderBy(slot => slot).ToList()
            ?? RepairScope.Of(view, repair, await _situations.FindStraysAsync(view, cancellation).ConfigureAwait(false));
        var hiding = await _situations.FindHidersAsync(view, cancellation).ConfigureAwait(false);
        var intents = OpenIntents(NodeIds(view), slots, options.JournalPath);
        var loads = view.Masters.Where(node => node.IsReachable).ToDictionary(node => node.Id, node => view.SlotsOf(node.Id).Count);
        var assignment = new RangeAssignment(loads);
        var plans = new List<SlotPlan>();
        var situations = await _situations.ReadAsync(view, slots, cancellation).ConfigureAwait(false);
        await PrepareAsync(situations.Select(situation => ((SlotRequest)RequestOf(situation), situation)), cancellation)
            .ConfigureAwait(false);
        foreach (var situation in situations)
        {
            if (repair.SkipCoverage && RepairScope.IsUncovered(situation))
                continue;
            var request = RequestOf(situation);
            var plan = await PlanOrRefuseAsync(request, situation, cancellation).ConfigureAwait(false);
            if (plan.Actions.Any(IsAssignment) || (plan.Owner is not null && plan.IsPartial && plan.TargetId.Length == 0))
                assignment.Assign(plan.TargetId.Length > 0 ? plan.TargetId : assignment.Next!);
            // A slot that was specified gets a plan even if it needs no repair.
            if (repair.Slots is not null || !plan.IsDone)
                plans.Add(plan);
        }

        var reportsUnreachable = repair.Slots is null && !repair.SkipCoverage;
        // While a slot has no owner, the cluster may serve no slot at all. So these come first.
        var ordered = plans.OrderByDescending(plan => plan.Owner is null || plan.Actions.Any(action => action is TakeFromUnreachable))
            .ThenBy(plan => plan.Slot).ToList();
        return reportsUnreachable ? [.. ordered, .. RepairScope.UnreachableOwners(view, repair, slots, _session, options)] : ordered;

        static bool IsAssignment(SlotAction action) => action is AddUnownedSlot or TakeFromUnreachable;

        RepairRequest RequestOf(SlotSituation situation)
        {
            var request = new RepairRequest(situation.Slot, _session, options, repair, chosen)
            {
                LeastLoadedId = assignment.Next,
                // To make hidden keys visible in all slots would open every slot.
                HidingNodeIds = repair.Slots is not null && hiding.Count > 0 ? hiding : null,
                NothingIsHidden = hiding.Count == 0,
            };
            return intents.TryGetValue(situation.Slot, out var intent) ? Resumed(request, intent.Slot) : request;
        }
    }

    /// <summary>Carries out any plan except that of a move of keys. Each step is derived again from the state of the cluster.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="stop">Requests a stop: the current batch is finished, and the slot is left in a named state.</param>
    /// <returns>
    /// Success only if every reachable node agrees on the owner and no master has the slot open, or, after a start or restart, if both ends
    /// are consistent.
    /// </returns>
    /// <exception cref="RedisOperationException">
    /// JournalBusy: another run is in progress on the cluster. JournalUnavailable: the journal can't be written. Nothing was changed.
    /// </exception>
    public async Task<SlotOutcome> CarryOutAsync(SlotPlan plan, CancellationToken stop)
    {
        if (plan.Refusal is not null || (plan.IsDone && !IsLeftOpenInJournal(plan)))
            return await RunnerOf(plan, null).RunAsync(stop).ConfigureAwait(false);
        if (!await TryBeginAsync(plan, stop).ConfigureAwait(false))
            return await RunnerOf(plan, null).RunAsync(stop).ConfigureAwait(false);
        var run = _run;
        run?.Intend(EntryOf(plan));
        var outcome = await RunnerOf(plan, run).RunAsync(stop).ConfigureAwait(false);
        outcome = outcome with
        {
            Result = outcome.Result with { MigrationId = run?.Id },
            Failure = Resumable(outcome.Failure, plan, run),
        };
        Note(plan.Slot, run?.Outcome(outcome.Result, outcome.Failure?.Code));
        return outcome;
    }

    /// <summary>Records all slots of a run in the journal, so that it can be resumed as a whole.</summary>
    /// <exception cref="RedisOperationException">JournalBusy, AnotherToolAtWork or JournalUnavailable. Nothing was changed.</exception>
    /// <returns>The number of recorded slots: 0 if there are fewer than two.</returns>
    public async Task<int> RecordPlansAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop)
    {
        var work = plans.Where(plan => !plan.IsDone && plan.Refusal is null).ToList();
        if (work.Count < 2)
            return 0;
        await BeginAsync(work[0], stop).ConfigureAwait(false);
        _run?.Planned(work.Select(EntryOf));
        _recordsMany = true;
        return work.Count;
    }

    // After a stop of one slot the same command continues. Any other end of the run may concern more slots than this one.
    private RedisOperationException? Resumable(RedisOperationException? failure, SlotPlan plan, RunJournal? run) => run is not null
        && (failure is { Code: FailureCode.NodeUnreachable } or { ConcernsWholeCluster: true }
            || (_recordsMany && failure is { Code: FailureCode.Stopped }))
            ? RunResume.Of(failure, run.Id, plan.Options)
            : failure;

    /// <summary>Moves keys of an open slot from its source to its target. The slot stays open.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="stop">Requests a stop: the current batch is finished.</param>
    /// <exception cref="RedisOperationException">JournalBusy or JournalUnavailable. Nothing was changed.</exception>
    public async Task<KeyMoveOutcome> MoveKeysAsync(SlotPlan plan, CancellationToken stop)
    {
        _ = await TryBeginAsync(plan, stop).ConfigureAwait(false);
        return await RunnerOf(plan, null).MoveKeysAsync(stop).ConfigureAwait(false);
    }

    private async Task<(ClusterView View, SlotSituation Situation)> ReadSlotAsync(int slot, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return (view, await _situations.ReadAsync(view, slot, cancellation).ConfigureAwait(false));
    }

    private ClusterNode Find(ClusterView view, string name) => NodeNames.Find(view, name, _session.MapAddress);

    // A replica is refused, also if its master is the target: a person who names it believes something else about the cluster.
    private ClusterNode FindTarget(ClusterView view, string name)
    {
        var node = Find(view, name);
        return node.IsMaster ? node : throw PlanRefusal.NotAMaster(view, node);
    }

    private SlotDiagnosis? RequireNamed(SlotSituation situation, string? source, string? target)
    {
        var view = situation.View;
        var (from, to) = (source is null ? null : Find(view, source), target is null ? null : FindTarget(view, target));
        RequireKnownFlags(situation);
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        if (diagnosis is not null)
            MigrationEnds.RequireNamed(diagnosis, from, to);
        return diagnosis;
    }

    // A flag is visible only in its node's own view. While a master does not answer, it is unknown whether it has the slot open.
    private static void RequireKnownFlags(SlotSituation situation)
    {
        var view = situation.View;
        if (SlotDiagnostician.Diagnose(situation) is not null || view.OwnerOf(situation.Slot) is not { } id)
            return;
        var owner = view.Node(id)!;
        if ((owner.IsReachable ? view.Masters.FirstOrDefault(node => !node.IsReachable) : owner) is { } absent)
        {
            throw NodeVerdict.Of(view, absent).Refused(
                "It is unknown whether slot " + Number(situation.Slot) + " of " + owner.Name + " is open");
        }
    }

    private async Task<SlotPlan> PlanOrRefuseAsync(SlotRequest request, SlotSituation situation, CancellationToken cancellation)
    {
        try
        {
            return await CheckAsync(request.Plan(situation), situation, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException refusal) when (!refusal.ConcernsWholeCluster)
        {
            return request.Refused(situation, refusal);
        }
    }

    private async Task<SlotPlan> CheckAsync(SlotPlan plan, SlotSituation situation, CancellationToken cancellation)
    {
        var view = situation.View;
        plan = plan with { Nodes = NodeIds(view).ToList() };
        foreach (var action in plan.Actions)
        {
            var what = "Slot " + Number(plan.Slot) + " can't be moved";
            if (action is SetImporting import)
                SlotRefusal.RequireAcquainted(what, import.Target, import.Source);
            else if (action is SetMigrating migrate)
                SlotRefusal.RequireAcquainted(what, migrate.Source, migrate.Target);
        }

        if (plan.Refusal is not null || view.Node(plan.TargetId) is not { } target || !LooksAhead)
            return plan;
        // A slot without an owner has no source.
        var source = view.Node(plan.SourceId) ?? target;
        var preflight = await _preflight.CheckAsync(view, plan.Slot, source, target, plan.Actions, cancellation).ConfigureAwait(false);
        return preflight.Refusal is { } refusal
            ? throw BusyOr(refusal, plan.Options, plan.Nodes)
            : plan with { Findings = WithAdvice(preflight.Findings) };
    }

    // Another run of this module is detected as another tool, too, but its lock says more about it.
    private RedisOperationException BusyOr(RedisOperationException refusal, MoveOptions options, IReadOnlyList<string> nodes)
    {
        if (refusal.Code != FailureCode.AnotherToolAtWork || !KeepsJournal)
            return refusal;
        return ClusterLock.Refusal(JournalFolder.ForLocks(JournalFolder.At(options.JournalPath)), nodes) ?? refusal;
    }

    private SlotRunner RunnerOf(SlotPlan plan, RunJournal? run)
    {
        var tally = new KeyTally
        {
            Progressed = run is null ? null : (moved, total) => run.Progress(plan.Slot, moved, Math.Max(0, total - moved)),
        };
        return new SlotRunner(_session, _reader, _situations, plan, tally, _log)
        {
            Settings = run is null ? null : new SettingRecord(
                nodeId => run.SettingChanging(plan.Slot, nodeId),
                nodeId => Note(plan.Slot, run.SettingRestored(plan.Slot, nodeId))),
        };
    }
}
