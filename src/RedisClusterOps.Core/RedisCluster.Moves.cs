using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>Moves of whole slots, many at a time: checks them, carries them out, resumes them and undoes them.</content>
public sealed partial class RedisCluster
{
    // The largest slots of a pair stand for all of them in checks of keys.
    private const int Sampled = 3;

    /// <summary>Checks whether the moves of a plan can be carried out. Changes nothing.</summary>
    /// <returns>The plan, with the findings of the checks.</returns>
    /// <exception cref="RedisOperationException">StalePlan, or the reason why the plan can't be carried out.</exception>
    public async Task<RedisRebalancePlan> CheckMovesAsync(RedisRebalancePlan plan, MoveOptions options, CancellationToken cancellation)
    {
        options = Kept(plan, options);
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        await RequireFreshAsync(plan, view, options, cancellation).ConfigureAwait(false);
        var pairs = PairsOf(view, plan, plan.Moves);
        if (!LooksAhead)
            return plan;
        var nodes = pairs.SelectMany(pair => new[] { pair.Source, pair.Target }).Distinct();
        await FanOut.AllAsync(nodes, node => _nodes.SampleAsync(node, cancellation), cancellation).ConfigureAwait(false);
        // The check knows the settings of the nodes.
        var findings = plan.Findings.Where(finding => finding.Code != PlanFindingCode.SourceBecomesReplica).ToList();
        var moves = new List<RedisSlotMove>();
        foreach (var (planned, pair) in plan.Moves.Zip(pairs, (move, pair) => (move, pair)))
        {
            var move = planned;
            var (preflight, keys, commands) = await CheckPairAsync(view, move, pair, plan.Kind, options, cancellation)
                .ConfigureAwait(false);
            if (preflight.Refusal is { Code: FailureCode.PermissionDenied or FailureCode.ModuleMissing } denied
                && pair.IsAtomic && options.Method == MoveMethod.Auto)
            {
                // The user did not ask for the servers' own migration, and may well have the rights for the other method.
                var byKeys = move with { DecidedMethod = MoveMethod.KeyByKey };
                var otherPair = PairOf(view, byKeys, plan.Kind == MigrationOperation.Undo);
                var other = await CheckPairAsync(view, byKeys, otherPair, plan.Kind, options, cancellation).ConfigureAwait(false);
                if (other.Result.Refusal is null)
                {
                    (move, preflight, keys, commands) = (byKeys, other.Result, other.Keys, other.Commands);
                    findings.Add(MoveMethodChoice.NotAllowed(denied));
                }
            }

            if (preflight.Refusal is { } refusal)
                throw BusyOr(refusal, options, NodeIds(view).ToList());
            findings.AddRange(preflight.Findings);
            moves.Add(move with { EstimatedKeys = move.EstimatedKeys ?? keys, Commands = commands });
        }

        // A resume takes the option from its run.
        if (!plan.ContinuesRun)
        {
            findings = findings.Select(finding => finding.Code != PlanFindingCode.SourceBecomesReplica
                ? finding
                : PlanRefusal.BecomesReplica(finding.Target!, finding.Message)).ToList();
        }

        return plan with { Moves = moves, Findings = WithAdvice(findings).Distinct().ToList() };
    }

    /// <summary>The outcomes of slots that a plan can't move any more, as when their target has left the cluster.</summary>
    public static IReadOnlyList<SlotOutcome> SettledBy(RedisRebalancePlan plan) => plan.Settled;

    /// <summary>The commands that a move sends for its first slot, or for all slots if the servers move them themselves.</summary>
    /// <param name="move">A move of a plan that was checked (<see cref="CheckMovesAsync"/>).</param>
    public static IReadOnlyList<PlannedCommand> CommandsOf(RedisSlotMove move) => move.Commands;

    private static MoveOptions Kept(RedisRebalancePlan plan, MoveOptions options) =>
        options with { KeepEmptyMaster = options.KeepEmptyMaster || plan.KeepsEmptyMaster };

    /// <summary>Carries out moves of a plan, all pairs concurrently.</summary>
    /// <param name="moves">The moves of the plan that the user agreed to.</param>
    /// <param name="stop">
    /// Requests a stop: the batch in progress is moved, slots without keys are handed over, and slots that have not started stay unchanged.
    /// </param>
    /// <exception cref="RedisOperationException">
    /// StalePlan; JournalBusy: another run is in progress on the cluster; JournalUnavailable. Nothing was changed.
    /// </exception>
    public async Task<SlotMoveRun> RunMovesAsync(
        RedisRebalancePlan plan, IReadOnlyList<RedisSlotMove> moves, MoveOptions options, CancellationToken stop)
    {
        options = Kept(plan, options);
        var view = await _reader.ReadAsync(null, stop).ConfigureAwait(false);
        await RequireFreshAsync(plan, view, options, stop).ConfigureAwait(false);
        if (await BeginAsync(plan.Kind, RedisMigration.Whole, view, options, stop).ConfigureAwait(false))
        {
            // Another run may have ended between the reading and the announcement.
            view = await _reader.ReadAgainAsync(stop).ConfigureAwait(false);
            PlanFreshness.RequireFresh(plan, view);
        }

        var settled = plan.Settled.Where(outcome => outcome.Failure is null).Select(outcome => (outcome.Result, (FailureCode?)null));
        if (_run?.Outcomes(settled.ToList()) is { } warning)
            _log?.Warning(null, warning);
        var pairs = PairsOf(view, plan, moves);
        var move = BulkMove.Of(plan.Kind, _session, options, view.MasterOfReplica) with { SuppressedNodes = plan.SuppressedNodes };
        return Start(view, move, pairs, options, stop);
    }

    /// <summary>
    /// True if a plan only completes a migration whose ends are consistent, so that it can be carried out together with others
    /// (<see cref="RunTogetherAsync"/>).
    /// </summary>
    public static bool GoesTogether(SlotPlan plan) =>
        plan is { Request: RepairRequest { InterruptedUndo: null }, Refusal: null, IsPartial: false, IsDone: false }
        && plan.State is RedisOpenSlotState.ImportingOnly or RedisOpenSlotState.MigratingOnly
            or RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained or RedisOpenSlotState.SourceFailedOver
        && plan.Owner == plan.SourceId;

    /// <summary>Groups plans in the order in which they are carried out.</summary>
    /// <returns>
    /// Each plan alone, except those that go together: open slots (<see cref="GoesTogether"/>), and slots without an owner that one master
    /// takes over. They are one group, in the place of the first of them.
    /// </returns>
    public static IReadOnlyList<IReadOnlyList<SlotPlan>> GroupPlans(IReadOnlyList<SlotPlan> plans) => plans
        .GroupBy(plan => GoesTogether(plan) ? "together"
            : BulkAdoption.IsAdoption(plan) ? plan.SourceId + ">" + plan.TargetId
            : plan.Slot.ToString(CultureInfo.InvariantCulture) + "/" + plan.SourceId)
        .Select(group => (IReadOnlyList<SlotPlan>)group.ToList()).ToList();

    /// <summary>Carries out plans together, all pairs of masters concurrently.</summary>
    /// <param name="plans">A group of <see cref="GroupPlans"/>.</param>
    /// <exception cref="RedisOperationException">JournalBusy or JournalUnavailable. Nothing was changed.</exception>
    public async Task<SlotMoveRun> RunTogetherAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop)
    {
        await BeginAsync(plans[0], stop).ConfigureAwait(false);
        if (BulkAdoption.IsAdoption(plans[0]))
        {
            var adopting = new StopRequest(_reader.Clock, stop);
            return new BulkAdoption(
                _session, _reader, _situations, plans, EntryOf(plans[0]), _run, _log, adopting, stop).Start();
        }

        var view = await _reader.ReadAsync(null, stop).ConfigureAwait(false);
        var requests = plans.ToDictionary(plan => plan.Slot, plan => plan.Request!);
        var pairs = plans.GroupBy(plan => (plan.SourceId, plan.TargetId))
            .Select(pair => new RedisSlotMove
            {
                SourceId = pair.Key.SourceId,
                TargetId = pair.Key.TargetId,
                Ranges = SlotSet.From(pair.Select(plan => plan.Slot)).Ranges,
            })
            .Select(move => PairOf(view, move, undoes: false)).ToList();
        var move = new BulkMove(plans[0].Kind, plans[0].Request!.Success, (_, situation) => requests[situation.Slot]);
        return Start(view, move, pairs, plans[0].Options, stop);
    }

    private SlotMoveRun Start(ClusterView view, BulkMove move, List<MasterPair> pairs, MoveOptions options, CancellationToken stop) =>
        new BulkMoveRun(_session, _reader, _situations, _nodes, view, move, pairs, options, _run, _announcement, _log, stop).Start();

    /// <summary>Plans the rest of a run that moves whole slots.</summary>
    /// <param name="migrationId">The run; null for the newest run on this cluster that can be resumed.</param>
    /// <returns>Null if the run moves slots individually: see <see cref="PlanResumeAsync"/>.</returns>
    /// <exception cref="RedisOperationException">
    /// MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress), NodeNotFound.
    /// </exception>
    public async Task<RedisRebalancePlan?> PlanResumeOfMovesAsync(string? migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindRun(view, migrationId, options) is not { MovesWholeSlots: true } run)
            return null;
        var undoes = run.Kind == MigrationOperation.Undo;
        // A later version may have other operations that move whole slots.
        var operation = run.Kind == MigrationOperation.Unknown ? MigrationOperation.Move : run.Kind;
        var left = run.Slots.Where(slot => !slot.IsDone && slot.FinishedBy is null);
        var slots = left.Select(slot => undoes ? (slot.Slot, slot.TargetId!, slot.SourceId!) : (slot.Slot, slot.SourceId!, slot.TargetId!))
            .ToList();
        var forgotten = new ForgottenNodes(view, run, operation, _session);
        var again = new NextAction(NextActionCode.Resume) { MigrationId = run.Id };
        var plan = PlanOf(view, operation, forgotten.Redirect(slots), options, run, again);
        return plan with
        {
            Settled = [.. forgotten.Outcomes, .. plan.Settled],
            KeepsEmptyMaster = run.KeepsEmptyMaster,
            SuppressedNodes = run.Slots.SelectMany(slot => slot.SuppressedNodes).Distinct().ToList(),
        };
    }

    /// <summary>Plans the undo of a run that moved whole slots: each slot that it began with moves back to its former owner.</summary>
    /// <returns>Null if the run moved slots individually: see <see cref="PlanUndoOfRunAsync"/>.</returns>
    /// <exception cref="RedisOperationException">
    /// MigrationNotFound, JournalUnavailable, JournalBusy (the run is in progress), NodeNotFound.
    /// </exception>
    public async Task<RedisRebalancePlan?> PlanUndoOfMovesAsync(string migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindRun(view, migrationId, options) is not { MovesWholeSlots: true } run)
            return null;
        var wasUndo = run.Kind == MigrationOperation.Undo;
        var begun = run.Slots.Where(slot => slot.Since is not null)
            .Select(slot => wasUndo ? (slot.Slot, slot.SourceId!, slot.TargetId!) : (slot.Slot, slot.TargetId!, slot.SourceId!));
        var again = new NextAction(NextActionCode.Undo) { MigrationId = run.Id };
        return PlanOf(view, wasUndo ? MigrationOperation.Move : MigrationOperation.Undo, begun, options, run, again);
    }

    // If a plan is stale right away, another run or tool is changing owners. Its name helps more than the stale plan.
    private async Task RequireFreshAsync(RedisRebalancePlan plan, ClusterView view, MoveOptions options, CancellationToken cancellation)
    {
        try
        {
            PlanFreshness.RequireFresh(plan, view);
        }
        catch (RedisOperationException stale) when (stale.Code == FailureCode.StalePlan && LooksAhead)
        {
            var nodes = NodeIds(view).ToList();
            var busy = KeepsJournal ? ClusterLock.Refusal(JournalFolder.ForLocks(JournalFolder.At(options.JournalPath)), nodes) : null;
            throw busy ?? await _preflight.RefusalByOtherToolAsync(view, cancellation).ConfigureAwait(false)
                ?? StaleByRun(stale, plan, view, options) ?? stale;
        }
    }

    // A run of this very plan was killed: its resume is the way on.
    private RedisOperationException? StaleByRun(
        RedisOperationException stale, RedisRebalancePlan plan, ClusterView view, MoveOptions options)
    {
        if (!KeepsJournal || History(options.JournalPath).FindResumable(node => view.Node(node) is not null) is not { } run)
            return null;
        var planned = new HashSet<int>(plan.Moves.SelectMany(move => SlotSet.From(move.Ranges).Slots));
        return !run.MovesWholeSlots || !run.Slots.Any(slot => planned.Contains(slot.Slot)) ? null : new RedisOperationException(
            stale.Code,
            stale.Message + " " + run.Operation + " run " + run.Id + " has moved a part of these slots and can be resumed.",
            stale.Subject,
            RunResume.Of(run.Id, options),
            stale);
    }

    /// <summary>Plans to move these slots, or the rest of each if it is partly moved.</summary>
    internal async Task<RedisRebalancePlan> PlanRestOfMovesAsync(
        MigrationOperation operation, IEnumerable<(int Slot, string SourceId, string TargetId)> slots, MoveOptions options,
        CancellationToken cancellation) =>
        PlanOf(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false), operation, slots, options);

    /// <param name="run">The run that is resumed or undone; null to take every node as it is now.</param>
    /// <param name="again">What to repeat for slots that can't move now.</param>
    private RedisRebalancePlan PlanOf(
        ClusterView view, MigrationOperation operation, IEnumerable<(int Slot, string SourceId, string TargetId)> slots,
        MoveOptions options, RedisMigration? run = null, NextAction? again = null)
    {
        var planned = slots.ToList();
        // A slot goes where the run says, or nowhere: the master that took the target's last slot does not stand for the target.
        var lost = new HashSet<string>(planned.Select(slot => slot.TargetId).Distinct()
            .Where(id => view.SuccessorOf(id, run?.MasterOfReplica) is null), StringComparer.Ordinal);
        var refused = planned.Where(slot => lost.Contains(slot.TargetId))
            .GroupBy(slot => (slot.SourceId, slot.TargetId), slot => slot.Slot)
            .SelectMany(pair => Refused(view, operation, pair.Key.SourceId, pair.Key.TargetId, SlotSet.From(pair), run, again)).ToList();
        var transfers = planned.Where(slot => !lost.Contains(slot.TargetId))
            .GroupBy(
                slot => (MasterOf(view, slot.SourceId).Id, view.SuccessorOf(slot.TargetId, run?.MasterOfReplica)!.Id), slot => slot.Slot)
            .Select(pair => new SlotTransfer(view.Node(pair.Key.Item1)!, view.Node(pair.Key.Item2)!, SlotSet.From(pair)))
            .OrderByDescending(transfer => transfer.Slots.Count)
            .ThenBy(transfer => transfer.Source.Id, StringComparer.Ordinal).ThenBy(transfer => transfer.Target.Id, StringComparer.Ordinal);
        var builder = new RebalancePlanBuilder(view, MasterSlots.Of(view), SlotCounts.None, options.Method, _session)
        {
            ContinuesRun = true,
        };
        return WithAdvice(builder.Build(operation, transfers.ToList())) with { Settled = refused };
    }

    // All slots that came from the same master have one failure, so that it is reported once.
    private IEnumerable<SlotOutcome> Refused(
        ClusterView view, MigrationOperation operation, string sourceId, string targetId, SlotSet slots, RedisMigration? run,
        NextAction? again)
    {
        var owner = view.OwnerOf(slots.Ranges[0].First) is { } id ? view.Node(id)! : MasterOf(view, sourceId);
        var name = run?.Slots.FirstOrDefault(slot => slot.SourceId == targetId)?.Source
            ?? run?.Slots.FirstOrDefault(slot => slot.TargetId == targetId)?.Target ?? targetId;
        var failure = WayBack.Refusal(view, slots, owner, targetId, name, again ?? new NextAction(NextActionCode.Resume));
        var result = new RedisSlotMigrationResult
        {
            Operation = operation.ToString(),
            Outcome = MigrationOutcome.Failed,
            Source = owner.Name,
            SourceId = owner.Id,
            Target = view.Node(targetId)?.Name ?? name,
            TargetId = targetId,
            Reason = failure.Message,
            Cluster = _session,
        };
        return slots.Slots.Select(slot => new SlotOutcome(result with { Slot = slot }, failure));
    }

    private static ClusterNode MasterOf(ClusterView view, string id) =>
        view.ShardMaster(id) ?? throw NodeNames.NotFound(id, view.Nodes.Select(node => node.Name));

    private static List<MasterPair> PairsOf(ClusterView view, RedisRebalancePlan plan, IReadOnlyList<RedisSlotMove> moves)
    {
        // A plan names masters. No other node stands for them: slots would go where the plan does not send them.
        foreach (var id in moves.SelectMany(move => new[] { move.SourceId, move.TargetId }))
        {
            if (MasterOf(view, id) is var now && now.Id != id)
            {
                var name = view.Node(id)!.Name;
                throw new RedisOperationException(
                    FailureCode.StalePlan,
                    "The plan is stale: " + name + " is a replica of " + now.Name + " now." + PlanRefusal.NothingChanged,
                    name,
                    new NextAction(NextActionCode.ShowNodes));
            }
        }

        return moves.Select(move => PairOf(view, move, undoes: plan.Kind == MigrationOperation.Undo)).ToList();
    }

    private static MasterPair PairOf(ClusterView view, RedisSlotMove move, bool undoes)
    {
        var (source, target) = (MasterOf(view, move.SourceId), MasterOf(view, move.TargetId));
        foreach (var end in new[] { source, target })
        {
            if (!end.IsReachable)
                throw NodeVerdict.Of(view, end).Refused("No slot can be moved from or to " + end.Name);
        }

        SlotRefusal.RequireAcquainted("No slot can be moved between " + source.Name + " and " + target.Name, source, target);
        var isAtomic = move.DecidedMethod == MoveMethod.Atomic;
        var slots = SlotSet.From(move.Ranges).Slots.Select(slot => SlotOf(view, slot, source, target, undoes, isAtomic)).ToList();
        return new MasterPair(source, target, slots, isAtomic) { EstimatedKeys = move.EstimatedKeys };
    }

    // A slot that is stable on the source, or open between these two masters, moves in bulk. A slot that is stable on the target has moved
    // already, as after a run that was killed before it could write that down.
    private static SlotMove SlotOf(ClusterView view, int slot, ClusterNode source, ClusterNode target, bool undoes, bool isAtomic)
    {
        var owner = view.ContestedClaims.ContainsKey(slot) ? null : view.OwnerOf(slot);
        var flags = view.FlagsOf(slot).ToList();
        var isInterrupted = undoes && (owner == target.Id || owner == source.Id) && flags.Count > 0
            && flags.TrueForAll(flag => IsBetween(view, flag, target, source, owner == target.Id && !isAtomic));
        var move = new SlotMove(slot, 0)
        {
            ImportsFromFormerMaster = flags.Exists(flag => !flag.IsMigrating && flag.PeerId != owner && flag.NodeId != owner),
        };
        if (owner == target.Id && flags.Count == 0)
            move.State = SlotMoveState.OnTarget;
        else if (isInterrupted)
            move.State = SlotMoveState.Interrupted;
        else if (owner != source.Id)
            move.Defer(source.Name + " is not its undisputed owner");
        else if (!flags.TrueForAll(flag => IsBetween(view, flag, source, target, !isAtomic)))
            move.Defer("it is open between other nodes");
        return move;
    }

    /// <param name="mayFollow">True if the source may have replaced the master that the target imports from.</param>
    private static bool IsBetween(ClusterView view, OpenFlag flag, ClusterNode source, ClusterNode target, bool mayFollow) =>
        flag.IsMigrating ? flag.NodeId == source.Id && flag.PeerId == target.Id
        : flag.NodeId == target.Id
            && (flag.PeerId == source.Id || (mayFollow && SlotDiagnostician.ComesFrom(view, flag.PeerId, source)));

    // Returns the number of keys to move, and the commands of a slot, as well.
    private async Task<(PreflightResult Result, long? Keys, IReadOnlyList<PlannedCommand> Commands)> CheckPairAsync(
        ClusterView view, RedisSlotMove move, MasterPair pair, MigrationOperation operation, MoveOptions options,
        CancellationToken cancellation)
    {
        // Slots that the servers are still moving, for a run that was killed, need no check: the run waits for them.
        var arriving = new HashSet<int>(pair.Target.View!.AtomicTasks.SelectMany(task => task.Slots.Slots));
        var slots = pair.Slots.Where(slot => slot.IsWaiting && !arriving.Contains(slot.Slot)).Select(slot => slot.Slot).ToList();
        if (slots.Count == 0)
            return (new PreflightResult([], null), 0, []);
        var connection = await _reader.ConnectAsync(pair.Source, cancellation).ConfigureAwait(false);
        var counts = await SlotKeyCounter.CountAsync(connection, pair.Source.View!.Databases, slots, cancellation).ConfigureAwait(false);
        var keys = counts.Aggregate((long?)0, (sum, count) => sum + count);
        var fullest = slots.Zip(counts, (slot, count) => (Slot: slot, Keys: count ?? 0))
            .OrderByDescending(slot => slot.Keys).ThenBy(slot => slot.Slot).Take(Sampled).Select(slot => slot.Slot).ToList();
        var needsKeyMoves = pair.Slots.Any(slot => slot.IsDeferred || slot.State == SlotMoveState.Interrupted);
        var scope = new PreflightScope(slots, move.EstimatedBytes, pair.IsAtomic, needsKeyMoves);
        var findings = new List<PlanFinding>();
        IReadOnlyList<PlannedCommand> commands = pair.IsAtomic
            ? [AtomicMove.CommandFor(pair.Source, pair.Target, SlotSet.From(slots))]
            : [];
        foreach (var situation in await _situations.ReadAsync(view, fullest, cancellation).ConfigureAwait(false))
        {
            // A problem of one slot is reported with its result, and does not stop the others.
            var ends = MigrationEnds.Of(pair.Source, pair.Target);
            if (PlanOrNull(new SlotMoveRequest(situation.Slot, _session, options, ends, operation), situation) is not { } plan)
                continue;
            var preflight = await _preflight.CheckAsync(view, situation.Slot, pair.Source, pair.Target, plan.Actions, cancellation, scope)
                .ConfigureAwait(false);
            if (preflight.Refusal is not null)
                return (preflight, keys, []);
            var staysMaster = operation == MigrationOperation.Undo || options.KeepEmptyMaster;
            findings.AddRange(preflight.Findings
                .Where(finding => !staysMaster || finding.Code != PlanFindingCode.SourceBecomesReplica));
            commands = commands.Count == 0 ? plan.Commands : commands;
        }

        return (new PreflightResult(findings, null), keys, commands);
    }

    private static SlotPlan? PlanOrNull(SlotMoveRequest request, SlotSituation situation)
    {
        try
        {
            return request.Plan(situation);
        }
        catch (RedisOperationException failure)
            when (failure.Code is FailureCode.SlotStateUnsuitable or FailureCode.StalePlan or FailureCode.SourceNotEmpty)
        {
            return null;
        }
    }
}
