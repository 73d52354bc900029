using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <content>What changes a cluster: a plan first, which only reads, then the plan carried out.</content>
public sealed partial class RedisCluster
{
    /// <summary>What completing a slot's migration would do. Reads and checks everything, writes nothing.</summary>
    /// <param name="source">The source that the caller expects; null for whichever it is.</param>
    /// <param name="target">The target that the caller expects; null for whichever it is.</param>
    /// <exception cref="RedisOperationException">SlotNotOpen, SlotNotOwned, SlotStateUnsuitable, SourceNotEmpty, NodeUnreachable, NodeNotFound or AmbiguousNode.</exception>
    /// <returns>A plan without commands where the named target owns the slot already: the same line again is no error.</returns>
    public async Task<SlotPlan> PlanCompletionAsync(int slot, string? source, string? target, MoveOptions options, CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        // The same line again, when it is done, is no error.
        var ends = RequireNamed(situation, source, target) is null && target is not null && Find(view, target) is { } named && view.OwnerOf(slot) == named.Id ? AgreedEnds.Of(named, named) : null;
        return await CheckAsync(new CompleteOperation(slot, _session, options, ends).Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans a move of keys of an open slot. Reads and checks, writes nothing.</summary>
    /// <param name="first">The most keys to move, 1 or more; null for all.</param>
    /// <param name="keys">Only these keys, as UTF-8; null for any. Names with the same bytes are one key.</param>
    /// <exception cref="RedisOperationException">KeyNotInSlot; otherwise as of <see cref="PlanCompletionAsync"/>.</exception>
    public async Task<SlotPlan> PlanKeyMoveAsync(
        int slot, string? source, string? target, int? first, IReadOnlyList<string>? keys, MoveOptions options, CancellationToken cancellation)
    {
        foreach (var key in keys ?? [])
        {
            if (LocateKey(key).Slot is var actual && actual != slot)
            {
                throw new RedisOperationException(
                    FailureCode.KeyNotInSlot,
                    "Key " + Printable.Clean(Printable.Quote(Encoding.UTF8.GetBytes(key)), 200) + " hashes to slot " + Number(actual) + ", not to " + Number(slot) + ".",
                    key,
                    "Get-RedisKeySlot");
            }
        }

        // A key named twice is one key, also to -First.
        var named = keys?.Select(Encoding.UTF8.GetBytes).Distinct(KeyBytes.Comparer).Take(first ?? int.MaxValue).ToList();
        var (_, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        RequireNamed(situation, source, target);
        return await CheckAsync(new KeyMoveOperation(slot, _session, options, first, named).Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>What opening a stable slot would do. Reads and checks, writes nothing.</summary>
    /// <param name="source">The master that owns it; null for whichever that is.</param>
    /// <param name="target">The master that it is to go to.</param>
    /// <exception cref="RedisOperationException">SlotNotOwned, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.</exception>
    /// <returns>A plan without commands where it is open that way already.</returns>
    public async Task<SlotPlan> PlanStartAsync(int slot, string? source, string target, MoveOptions options, CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        var ends = AgreedEnds.Of(source is null ? OwnerOf(view, slot) : Find(view, source), Find(view, target));
        return await CheckAsync(new StartOperation(slot, _session, options, ends).Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>What putting both ends of an open slot in order would do. Reads and checks, writes nothing.</summary>
    /// <param name="target">Another target, where nothing has moved yet; null for the one that it had.</param>
    /// <exception cref="RedisOperationException">SlotNotOpen, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.</exception>
    /// <returns>A plan without commands where both ends are in order.</returns>
    public async Task<SlotPlan> PlanRestartAsync(int slot, string? target, MoveOptions options, CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        RefuseUnlessFlagsAreKnown(situation);
        var id = target is null ? null : Find(view, target).Id;
        return await CheckAsync(new RestartOperation(slot, _session, options, id).Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>What undoing a slot's migration would do. Reads and checks, writes nothing.</summary>
    /// <param name="source">The master that the migration started from, and that the slot goes back to; null for whichever it is.</param>
    /// <param name="target">The master that it was going to; null for whichever it is.</param>
    /// <param name="allowUnreachableNode">True to give up the keys that a target which does not answer may hold.</param>
    /// <exception cref="RedisOperationException">SlotNotOpen, SlotNotOwned, SlotStateUnsuitable, NodeUnreachable, NodeNotFound or AmbiguousNode.</exception>
    public async Task<SlotPlan> PlanUndoAsync(
        int slot, string? source, string? target, UndoStrategy strategy, bool allowUnreachableNode, MoveOptions options, CancellationToken cancellation)
    {
        var (view, situation) = await ReadSlotAsync(slot, cancellation).ConfigureAwait(false);
        RefuseUnlessFlagsAreKnown(situation);
        var cutOff = OpenIntents(NodeIds(view), [slot], options.JournalPath).TryGetValue(slot, out var intent) ? UndoneBy(intent.Slot) : null;
        var ends = NamedEnds.OfUndo(situation, source is null ? null : Find(view, source), target is null ? null : Find(view, target), cutOff);
        SlotOperation undo = new UndoOperation(slot, _session, options, ends, strategy, allowUnreachableNode, cutOff is not null) { SuppressedNodes = intent?.Slot.SuppressedNodes ?? [] };
        if (undo.MayHide(situation) is { } node && await _situations.HidesAsync(node, cancellation).ConfigureAwait(false))
            undo = undo.Revealing();
        return await CheckAsync(undo.Plan(situation), situation, cancellation).ConfigureAwait(false);
    }

    /// <summary>What repairing would do: a plan for every thing that is wrong, by slot. Reads and checks, writes nothing.</summary>
    /// <returns>Where only a person can decide, a plan without commands that says between what (<see cref="SlotPlan.Refusal"/>).</returns>
    /// <exception cref="RedisOperationException">NodeNotFound or AmbiguousNode of the named target; the cluster as a whole can't be read.</exception>
    public async Task<IReadOnlyList<SlotPlan>> PlanRepairAsync(RepairOptions repair, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var chosen = repair.Target is null ? null : Find(view, repair.Target).Id;
        var slots = repair.Slots?.Distinct().OrderBy(slot => slot).ToList()
            ?? RepairScope.Of(view, repair, await _situations.FindStraysAsync(view, cancellation).ConfigureAwait(false));
        var hiders = repair.Slots is null ? null : await _situations.FindHidersAsync(view, cancellation).ConfigureAwait(false);
        var intents = OpenIntents(NodeIds(view), slots, options.JournalPath);
        var loads = view.Masters.Where(node => node.IsReachable).ToDictionary(node => node.Id, node => view.SlotsOf(node.Id).Count);
        var plans = new List<SlotPlan>();
        foreach (var situation in await _situations.ReadAsync(view, slots, cancellation).ConfigureAwait(false))
        {
            if (repair.SkipCoverage && RepairScope.IsUncovered(situation))
                continue;
            var operation = new RepairOperation(situation.Slot, _session, options, repair, chosen, null, RepairScope.LeastLoaded(loads), hiders is { Count: > 0 } ? hiders : null);
            if (intents.TryGetValue(situation.Slot, out var intent))
                operation = GoneOn(operation, intent.Slot);
            var plan = await PlanOrRefuseAsync(operation, situation, cancellation).ConfigureAwait(false);
            if (plan.Actions.Any(action => action is TakeUnowned or TakeFromAbsent) || (plan.Owner is not null && plan.IsPartial && plan.TargetId.Length == 0))
                loads[plan.TargetId.Length > 0 ? plan.TargetId : RepairScope.LeastLoaded(loads)!]++;
            // Asked for by number, a slot that is in order is answered, too.
            if (repair.Slots is not null || !plan.IsDone)
                plans.Add(plan);
        }

        var tellAbsent = repair.Slots is null && !repair.AllowUnreachableNode && !repair.SkipCoverage;
        // A cluster with a slot that nobody owns serves no other one either, so these come first.
        var ordered = plans.OrderByDescending(plan => plan.Owner is null || plan.Actions.Any(action => action is TakeFromAbsent)).ThenBy(plan => plan.Slot).ToList();
        return tellAbsent ? [.. ordered, .. RepairScope.AbsentOwners(view, slots, _session, options)] : ordered;
    }

    /// <summary>Carries out any plan but that of a move of keys, each step derived again from what the cluster says then.</summary>
    /// <param name="stop">Asks to stop: the batch in hand is finished, the slot is left in a named state.</param>
    /// <returns>Never a half truth: done only when every node that answers agrees on the owner and no master has the slot open, or, of a start or restart, when both ends are in order.</returns>
    /// <exception cref="RedisOperationException">JournalBusy: another run works on the cluster. JournalUnavailable: nothing can be written down. Nothing was touched.</exception>
    public async Task<SlotOutcome> CarryOutAsync(SlotPlan plan, CancellationToken stop)
    {
        if (plan.Refusal is not null || (plan.IsDone && !IsLeftOpenInJournal(plan)))
            return await RunnerOf(plan, new KeyTally()).RunAsync(stop).ConfigureAwait(false);
        var run = Begin(plan);
        run?.Intend(EntryOf(plan));
        var outcome = await RunnerOf(plan, TallyOf(plan, run)).RunAsync(stop).ConfigureAwait(false);
        outcome = outcome with { Result = outcome.Result with { MigrationId = run?.Id } };
        Note(plan.Slot, run?.Outcome(outcome.Result, outcome.Failure?.Code));
        return outcome;
    }

    /// <summary>Writes down what a run over several slots is going to do, so that it can be resumed as a whole.</summary>
    /// <exception cref="RedisOperationException">JournalBusy or JournalUnavailable; nothing was touched.</exception>
    public void Announce(IReadOnlyList<SlotPlan> plans)
    {
        var work = plans.Where(plan => !plan.IsDone && plan.Refusal is null).ToList();
        if (work.Count > 1)
            Begin(work[0])?.Planned(work.Select(EntryOf));
    }

    /// <summary>Moves keys of an open slot from its source to its target; the slot stays open.</summary>
    /// <param name="stop">Asks to stop: the batch in hand is finished.</param>
    /// <exception cref="RedisOperationException">JournalBusy or JournalUnavailable; nothing was touched.</exception>
    public async Task<KeyMoveOutcome> MoveKeysAsync(SlotPlan plan, CancellationToken stop)
    {
        Begin(plan);
        return await RunnerOf(plan, new KeyTally()).MoveKeysAsync(stop).ConfigureAwait(false);
    }

    private async Task<(ClusterView View, SlotSituation Situation)> ReadSlotAsync(int slot, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return (view, await _situations.ReadAsync(view, slot, cancellation).ConfigureAwait(false));
    }

    private ClusterNode Find(ClusterView view, string name) => NodeNames.Find(view, name, _session.Reach);

    private SlotDiagnosis? RequireNamed(SlotSituation situation, string? source, string? target)
    {
        var (from, to) = (source is null ? null : Find(situation.View, source), target is null ? null : Find(situation.View, target));
        RefuseUnlessFlagsAreKnown(situation);
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        if (diagnosis is not null)
            NamedEnds.Require(diagnosis, from, to);
        return diagnosis;
    }

    // Flags show only on a node's own line: while a master does not answer nobody knows whether it has the slot open. The owner above all.
    private static void RefuseUnlessFlagsAreKnown(SlotSituation situation)
    {
        var view = situation.View;
        if (SlotDiagnostician.Diagnose(situation) is not null || view.OwnerOf(situation.Slot) is not { } id)
            return;
        var owner = view.Node(id)!;
        if ((owner.IsReachable ? view.Masters.FirstOrDefault(node => !node.IsReachable) : owner) is { } absent)
        {
            throw new RedisOperationException(
                FailureCode.NodeUnreachable,
                "Slot " + Number(situation.Slot) + " belongs to " + owner.Name + ", and " + (absent == owner ? "that one" : absent.Name) + " does not answer (" + (absent.Trouble ?? "no reason known") + "), so whether the slot is open is not known.",
                absent.Name,
                "Get-RedisClusterNode");
        }
    }

    private async Task<SlotPlan> PlanOrRefuseAsync(SlotOperation operation, SlotSituation situation, CancellationToken cancellation)
    {
        try
        {
            return await CheckAsync(operation.Plan(situation), situation, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException refusal) when (!refusal.ConcernsWholeCluster)
        {
            return operation.Refused(situation, refusal);
        }
    }

    private async Task<SlotPlan> CheckAsync(SlotPlan plan, SlotSituation situation, CancellationToken cancellation)
    {
        var view = situation.View;
        plan = plan with { Nodes = NodeIds(view).ToList() };
        if (plan.Refusal is not null || view.Node(plan.TargetId) is not { } target)
            return plan;
        if (!LooksAhead)
            return plan;
        // Of a slot that nobody owned there is no source.
        var source = view.Node(plan.SourceId) ?? target;
        var preflight = await _preflight.CheckAsync(view, plan.Slot, source, target, plan.Actions, cancellation).ConfigureAwait(false);
        return preflight.Refusal is { } refusal ? throw BusyOr(refusal, plan.Options, plan.Nodes) : plan with { Findings = preflight.Findings };
    }

    // Another run of ours is another tool, too; but of that it is known who it is.
    private RedisOperationException BusyOr(RedisOperationException refusal, MoveOptions options, IReadOnlyList<string> nodes) =>
        refusal.Code == FailureCode.AnotherToolAtWork && KeepsJournal ? ClusterLock.Refusal(JournalFolder.ForLocks(JournalFolder.At(options.JournalPath)), nodes) ?? refusal : refusal;

    private SlotRunner RunnerOf(SlotPlan plan, KeyTally tally) => new(_session, _reader, _situations, plan, tally, _log);
}
