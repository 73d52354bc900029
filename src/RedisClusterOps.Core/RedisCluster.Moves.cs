using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps;

/// <content>Slots that move whole, many at once: checked, carried out, gone on with, and taken back.</content>
public sealed partial class RedisCluster
{
    // The largest slots of a pair stand for all of them where keys are to be looked at.
    private const int Sampled = 3;

    /// <summary>Looks at everything that a plan's moves need before they begin. Reads, writes nothing.</summary>
    /// <returns>The plan, with what is to be known.</returns>
    /// <exception cref="RedisOperationException">StalePlan, or what keeps it from being carried out.</exception>
    public async Task<RedisRebalancePlan> CheckMovesAsync(RedisRebalancePlan plan, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        await RequireFreshAsync(plan, view, options, cancellation).ConfigureAwait(false);
        var pairs = PairsOf(view, plan, plan.Moves);
        if (!LooksAhead)
            return plan;
        await FanOut.AllAsync(pairs.SelectMany(pair => new[] { pair.Source, pair.Target }).Distinct(), node => _nodes.LookAsync(node, cancellation), cancellation).ConfigureAwait(false);
        var findings = new List<PlanFinding>(plan.Findings);
        var moves = new List<RedisSlotMove>();
        foreach (var (planned, pair) in plan.Moves.Zip(pairs, (move, pair) => (move, pair)))
        {
            var move = planned;
            var (preflight, keys) = await CheckPairAsync(view, move, pair, plan.Operation, options, cancellation).ConfigureAwait(false);
            if (preflight.Refusal is { Code: FailureCode.PermissionDenied } denied && pair.IsAtomic && options.Method == MoveMethod.Auto)
            {
                // Nobody asked for the servers' own way, and who may not use it may well be allowed the other.
                var byKeys = move with { Method = MoveMechanism.KeyByKey };
                var other = await CheckPairAsync(view, byKeys, PairOf(view, byKeys, plan.Operation == "Undo"), plan.Operation, options, cancellation).ConfigureAwait(false);
                if (other.Result.Refusal is null)
                {
                    (move, preflight, keys) = (byKeys, other.Result, other.Keys);
                    findings.Add(MoveMechanism.NotAllowed(denied));
                }
            }

            if (preflight.Refusal is { } refusal)
                throw BusyOr(refusal, options, NodeIds(view).ToList());
            findings.AddRange(preflight.Findings);
            moves.Add(move with { EstimatedKeys = move.EstimatedKeys ?? keys });
        }

        return plan with { Moves = moves, Findings = findings.Distinct().ToList() };
    }

    /// <summary>Carries out moves of a plan, all pairs at once.</summary>
    /// <param name="moves">Those of the plan's moves that were agreed to.</param>
    /// <param name="stop">Asks to stop: keys in hand are moved, slots without keys handed over, untouched ones left as they were.</param>
    /// <exception cref="RedisOperationException">StalePlan; JournalBusy: another run works on the cluster; JournalUnavailable. Nothing was touched.</exception>
    public async Task<SlotMoveRun> RunMovesAsync(RedisRebalancePlan plan, IReadOnlyList<RedisSlotMove> moves, MoveOptions options, CancellationToken stop)
    {
        var view = await _reader.ReadAsync(null, stop).ConfigureAwait(false);
        await RequireFreshAsync(plan, view, options, stop).ConfigureAwait(false);
        var pairs = PairsOf(view, plan, moves);
        return Start(view, BulkMove.Of(plan.Operation, _session, options) with { Kept = plan.KeptMasters }, pairs, options, BeginMoves(view, plan, options), stop);
    }

    /// <summary>Whether a plan only completes what is open and in order, so that it can be carried out together with others (<see cref="RunTogetherAsync"/>).</summary>
    public static bool GoesTogether(SlotPlan plan) => plan is { Request: RepairOperation { Undoing: null }, Refusal: null, IsPartial: false, IsDone: false }
        && plan.State is RedisOpenSlotState.ImportingOnly or RedisOpenSlotState.MigratingOnly or RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained
        && plan.Owner == plan.SourceId;

    /// <summary>Carries out plans that go together, all pairs of masters at once.</summary>
    /// <param name="plans">Such as <see cref="GoesTogether"/> is true of.</param>
    /// <exception cref="RedisOperationException">JournalBusy or JournalUnavailable. Nothing was touched.</exception>
    public async Task<SlotMoveRun> RunTogetherAsync(IReadOnlyList<SlotPlan> plans, CancellationToken stop)
    {
        var view = await _reader.ReadAsync(null, stop).ConfigureAwait(false);
        var requests = plans.ToDictionary(plan => plan.Slot, plan => plan.Request!);
        var pairs = plans.GroupBy(plan => (plan.SourceId, plan.TargetId))
            .Select(pair => PairOf(view, new RedisSlotMove { SourceId = pair.Key.SourceId, TargetId = pair.Key.TargetId, SlotRanges = SlotSet.From(pair.Select(plan => plan.Slot)).Ranges }, undoes: false))
            .ToList();
        var move = new BulkMove(plans[0].Operation, plans[0].Request!.Success, (_, situation) => requests[situation.Slot]);
        return Start(view, move, pairs, plans[0].Options, Begin(plans[0]), stop);
    }

    private SlotMoveRun Start(ClusterView view, BulkMove move, IReadOnlyList<MasterPair> pairs, MoveOptions options, RunJournal? journal, CancellationToken stop)
    {
        var run = new SlotMoveRun(_session, _reader, _situations, _nodes, view, move, pairs, options, journal, _log, stop);
        journal?.Planned(pairs.Select(pair => (run.EntryOf(pair) with { Keys = pair.EstimatedKeys }, pair.Slots.Select(slot => slot.Slot))));
        _ = run.StartAsync();
        return run;
    }

    /// <summary>What going on with a run that moves slots whole would do.</summary>
    /// <param name="migrationId">The run; null for the newest one on this cluster that can be gone on with.</param>
    /// <returns>Null where the run is one of single slots: see <see cref="PlanResumeAsync"/>.</returns>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (it is still running), NodeNotFound.</exception>
    public async Task<RedisRebalancePlan?> PlanResumeOfMovesAsync(string? migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindRun(view, migrationId, options) is not { MovesWholeSlots: true } run)
            return null;
        var undoes = run.Operation == "Undo";
        var left = run.Slots.Where(slot => !slot.IsDone && slot.FinishedBy is null);
        return PlanOf(view, run.Operation, left.Select(slot => undoes ? (slot.Slot, slot.TargetId!, slot.SourceId!) : (slot.Slot, slot.SourceId!, slot.TargetId!)), options) with
        {
            KeptMasters = run.Slots.SelectMany(slot => slot.KeptMasters).Distinct().ToList(),
        };
    }

    /// <summary>What undoing a run that moved slots whole would do: each slot that it took up goes back to the master that owned it before.</summary>
    /// <returns>Null where the run is one of single slots: see <see cref="PlanUndoOfRunAsync"/>.</returns>
    /// <exception cref="RedisOperationException">MigrationNotFound, JournalUnavailable, JournalBusy (it is still running), NodeNotFound.</exception>
    public async Task<RedisRebalancePlan?> PlanUndoOfMovesAsync(string migrationId, MoveOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        if (FindRun(view, migrationId, options) is not { MovesWholeSlots: true } run)
            return null;
        var taken = run.Slots.Where(slot => slot.Since is not null);
        return PlanOf(view, run.Operation == "Undo" ? "Move" : "Undo", taken.Select(slot => run.Operation == "Undo" ? (slot.Slot, slot.SourceId!, slot.TargetId!) : (slot.Slot, slot.TargetId!, slot.SourceId!)), options);
    }

    // A plan that is stale at once is so because somebody is changing owners: then it is better to know who.
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
            throw busy ?? await _preflight.WhoIsAtWorkAsync(view, cancellation).ConfigureAwait(false) ?? stale;
        }
    }

    /// <summary>What moving these slots would do, wherever each of them is on its way.</summary>
    internal async Task<RedisRebalancePlan> PlanGoingOnAsync(string operation, IEnumerable<(int Slot, string SourceId, string TargetId)> slots, MoveOptions options, CancellationToken cancellation) =>
        PlanOf(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false), operation, slots, options);

    private RedisRebalancePlan PlanOf(ClusterView view, string operation, IEnumerable<(int Slot, string SourceId, string TargetId)> slots, MoveOptions options)
    {
        var transfers = slots.GroupBy(slot => (Source: MasterOf(view, slot.SourceId).Id, Target: MasterOf(view, slot.TargetId).Id), slot => slot.Slot)
            .Select(pair => new SlotTransfer(view.Node(pair.Key.Source)!, view.Node(pair.Key.Target)!, SlotSet.From(pair)))
            .OrderByDescending(transfer => transfer.Slots.Count).ThenBy(transfer => transfer.Source.Id, StringComparer.Ordinal).ThenBy(transfer => transfer.Target.Id, StringComparer.Ordinal);
        return new WholeSlotPlan(view, Holding.Of(view), SlotCounts.None, options.Method, _session) { GoesOn = true }.Of(operation, transfers.ToList());
    }

    private static ClusterNode MasterOf(ClusterView view, string id) => view.ShardMaster(id) ?? throw NodeNames.NotFound(id, view.Nodes.Select(node => node.Name));

    private static List<MasterPair> PairsOf(ClusterView view, RedisRebalancePlan plan, IReadOnlyList<RedisSlotMove> moves) =>
        moves.Select(move => PairOf(view, move, undoes: plan.Operation == "Undo")).ToList();

    private static MasterPair PairOf(ClusterView view, RedisSlotMove move, bool undoes)
    {
        var (source, target) = (MasterOf(view, move.SourceId), MasterOf(view, move.TargetId));
        foreach (var end in new[] { source, target })
        {
            if (!end.IsReachable)
                throw new RedisOperationException(FailureCode.NodeUnreachable, end.Name + " does not answer (" + (end.Trouble ?? "no reason known") + "), so nothing can be moved from or to it. Nothing was done.", end.Name, "Get-RedisClusterNode");
        }

        return new MasterPair(source, target, SlotSet.From(move.SlotRanges).Slots.Select(slot => SlotOf(view, slot, source, target, undoes)).ToList(), move.Method == "Atomic") { EstimatedKeys = move.EstimatedKeys };
    }

    // Stable on the source, or open between just these two, it goes with the many. Stable on the target it is there, as after a run that
    // was killed before it could write that down.
    private static SlotMove SlotOf(ClusterView view, int slot, ClusterNode source, ClusterNode target, bool undoes)
    {
        var one = new SlotMove(slot, 0);
        if (view.OwnerOf(slot) == target.Id && !view.ContestedClaims.ContainsKey(slot) && !view.FlagsOf(slot).Any())
            one.State = SlotMoveState.OnTarget;
        else if (undoes && (view.OwnerOf(slot) == target.Id || view.OwnerOf(slot) == source.Id) && !view.ContestedClaims.ContainsKey(slot) && view.FlagsOf(slot).Any() && view.FlagsOf(slot).All(flag => IsBetween(flag, target, source)))
            one.State = SlotMoveState.Interrupted;
        else if (view.OwnerOf(slot) != source.Id || view.ContestedClaims.ContainsKey(slot))
            one.Defer("it is not simply " + source.Name + "'s");
        else if (!view.FlagsOf(slot).All(flag => IsBetween(flag, source, target)))
            one.Defer("it is open between others");
        return one;
    }

    private static bool IsBetween(OpenFlag flag, ClusterNode source, ClusterNode target) => flag.IsMigrating
        ? flag.NodeId == source.Id && flag.PeerId == target.Id
        : flag.NodeId == target.Id && flag.PeerId == source.Id;

    // With the keys that there are to move.
    private async Task<(PreflightResult Result, long? Keys)> CheckPairAsync(ClusterView view, RedisSlotMove move, MasterPair pair, string operation, MoveOptions options, CancellationToken cancellation)
    {
        // What the servers are at already, for a run that was killed, is waited for.
        var arriving = new HashSet<int>(pair.Target.View!.AtomicTasks.SelectMany(task => task.Slots.Slots));
        var slots = pair.Slots.Where(slot => slot.IsWaiting && !arriving.Contains(slot.Slot)).Select(slot => slot.Slot).ToList();
        if (slots.Count == 0)
            return (new PreflightResult([], null), 0);
        var connection = await _reader.ConnectAsync(pair.Source, cancellation).ConfigureAwait(false);
        var counts = await SlotKeyCounter.CountAsync(connection, pair.Source.View!.Databases, slots, cancellation).ConfigureAwait(false);
        var keys = counts.Aggregate((long?)0, (sum, count) => sum + count);
        var fullest = slots.Zip(counts, (slot, count) => (Slot: slot, Keys: count ?? 0)).OrderByDescending(slot => slot.Keys).ThenBy(slot => slot.Slot).Take(Sampled).Select(slot => slot.Slot).ToList();
        var scope = new PreflightScope(slots, move.EstimatedBytes, pair.IsAtomic, pair.Slots.Any(slot => slot.IsDeferred || slot.State == SlotMoveState.Interrupted));
        var findings = new List<PlanFinding>();
        foreach (var situation in await _situations.ReadAsync(view, fullest, cancellation).ConfigureAwait(false))
        {
            // What is wrong with one slot alone is told with its result, and keeps none of the others.
            if (PlanOrNull(new MoveSlotOperation(situation.Slot, _session, options, AgreedEnds.Of(pair.Source, pair.Target), operation), situation) is not { } plan)
                continue;
            var preflight = await _preflight.CheckAsync(view, situation.Slot, pair.Source, pair.Target, plan.Actions, cancellation, scope).ConfigureAwait(false);
            if (preflight.Refusal is not null)
                return (preflight, keys);
            // An undo keeps them masters.
            findings.AddRange(preflight.Findings.Where(finding => operation != "Undo" || finding.Code != PlanFindingCode.SourceBecomesReplica));
        }

        return (new PreflightResult(findings, null), keys);
    }

    private static SlotPlan? PlanOrNull(MoveSlotOperation operation, SlotSituation situation)
    {
        try
        {
            return operation.Plan(situation);
        }
        catch (RedisOperationException failure) when (failure.Code is FailureCode.SlotStateUnsuitable or FailureCode.StalePlan or FailureCode.SourceNotEmpty)
        {
            return null;
        }
    }

    private RunJournal? BeginMoves(ClusterView view, RedisRebalancePlan plan, MoveOptions options)
    {
        if (_run is null && KeepsJournal)
        {
            var folder = JournalFolder.At(options.JournalPath);
            _run = RunJournal.Begin(folder, RunHeader.Of(plan.Operation, RedisMigration.Whole, _session, NodeIds(view)), locks: JournalFolder.ForLocks(folder));
        }

        return _run;
    }
}
