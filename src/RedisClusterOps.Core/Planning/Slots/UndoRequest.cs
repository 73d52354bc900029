using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Returns a slot to the source of its migration, from any state.</summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The connection settings of the cluster.</param>
/// <param name="Options">How keys are moved.</param>
/// <param name="Ends">The migration to undo: its source and its target. By them an interrupted way back is recognized, too.</param>
/// <param name="Strategy">How keys return that have already moved.</param>
/// <param name="AllowUnreachableNode">True to abandon the keys that an unreachable target may hold.</param>
/// <param name="WasInterrupted">True if an earlier run of this undo was interrupted.</param>
internal sealed record UndoRequest(
    int Slot,
    RedisClusterSession Session,
    MoveOptions Options,
    MigrationEnds Ends,
    UndoStrategy Strategy,
    bool AllowUnreachableNode,
    bool WasInterrupted = false)
    : SlotRequest(Slot, Session, Options)
{
    /// <summary>Ids of the nodes whose replica migration an interrupted run suppressed.</summary>
    public IReadOnlyCollection<string> SuppressedNodes { get; init; } = [];

    /// <summary>True if the target holds keys that it counts for no slot, so they may belong to this one.</summary>
    public bool TargetHidesKeys { get; init; }

    public override MigrationOperation Kind => MigrationOperation.Undo;

    /// <inheritdoc/>
    public override bool ChecksHiddenKeys => !TargetHidesKeys;

    public override MigrationOutcome Success => MigrationOutcome.RolledBack;

    public override NextAction Again => new(NextActionCode.Undo)
    {
        Slots = Number,
        Source = Ends.Source,
        Target = Ends.Target,
        Options = Strategy == UndoStrategy.PullBack ? NextActionOptions.PullBack : NextActionOptions.None,
    };

    /// <inheritdoc/>
    /// <remarks>The successor of a target that failed over neither owns nor imports the slot, so its count of 0 proves nothing.</remarks>
    public override ClusterNode? MasterThatMayHideKeys(SlotSituation situation)
    {
        var view = situation.View;
        if (TargetHidesKeys || SlotDiagnostician.Diagnose(situation) is not null)
            return null;
        if (view.OwnerOf(Slot) is not { } id || !Ends.IsSource(view, view.Node(id)))
            return null;
        if (view.ShardMaster(Ends.TargetId) is not { IsReachable: true } away || away.Id == id)
            return null;
        return situation.KeysOn(away) is null && !NeverCounts(away) ? away : null;
    }

    /// <inheritdoc/>
    public override SlotRequest RevealingHiddenKeys() => this with { TargetHidesKeys = true };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return PlanStable(situation);
        var (view, source, target) = (situation.View, diagnosis.Source, diagnosis.Target);
        // An interrupted pull-back: the node with the keys imports from the owner, which has closed the slot.
        if (diagnosis.State == RedisOpenSlotState.StrayKeys && source is { IsReachable: true } && target is { IsReachable: true }
            && (Ends.Match(view, target, source) || Ends.Match(view, source, target)))
            return PlanOf(diagnosis, target, source, PullBack(diagnosis, origin: target, away: source));
        if (source is null || target is null || !SlotAdvice.CanComplete(diagnosis.State))
            throw SlotRefusal.Unsuitable(diagnosis, "It can't be undone from this state." + SlotRefusal.NothingChanged);
        if (Ends.Match(view, source, target))
            return PlanOpen(diagnosis, source, target);
        if (Ends.Reversed.Match(view, source, target))
            return PlanOnTheWayBack(diagnosis);
        throw Stale("moves from " + source.Name + " to " + target.Name);
    }

    private RedisOperationException Stale(string now) =>
        SlotRefusal.Stale(Slot, "back to " + Ends.Source + " after a migration " + Ends, now);

    private SlotPlan PlanOpen(SlotDiagnosis diagnosis, ClusterNode origin, ClusterNode away)
    {
        if (!origin.IsReachable)
            throw SlotRefusal.Unreachable(Slot, diagnosis.Situation.View, origin, "undone");
        if (!away.IsReachable)
            return PlanWithoutTarget(diagnosis, origin, away);
        var finished = diagnosis.State is RedisOpenSlotState.FinishedOnSource or RedisOpenSlotState.FinishedOnTarget;
        // A node that does not import may hide its keys. IMPORTING makes them visible.
        if (!finished && diagnosis.KeysOnTarget is null && !away.View!.Self.ImportingFrom.ContainsKey(Slot) && !NeverCounts(away))
            return PlanOf(diagnosis, origin, away, PrepareReverseMove(diagnosis.Situation.View, origin, away)) with { IsPartial = true };
        if (!finished && (Strategy == UndoStrategy.PullBack || diagnosis.KeysOnTarget == 0))
            return PlanOf(diagnosis, origin, away, PullBack(diagnosis, origin, away));
        CompleteRequest.RefuseUnlessCompletable(diagnosis, "undone");
        var (view, keys) = (diagnosis.Situation.View, diagnosis.KeysOnSource + diagnosis.KeysOnTarget);
        SlotAction[] roundTrip =
        [
            .. CompleteRequest.Actions(this, diagnosis),
            new ClearFlags(Slot, origin, away),
            .. HandoverOrder.Whole(this, view, away, origin, keys),
        ];
        return PlanOf(diagnosis, origin, away, KeepingMasters(view, [origin, away], roundTrip));
    }

    // After an undo both ends are what they were before: masters, even if one of them has no slot for a while.
    private IEnumerable<SlotAction> KeepingMasters(ClusterView view, ClusterNode[] ends, IEnumerable<SlotAction> actions)
    {
        var emptied = ends.Where(node => node.IsMaster && !view.SlotsOf(node.Id).Slots.Any(slot => slot != Slot)).ToList();
        return
        [
            .. emptied.Select(node => new SuppressReplicaMigration(Slot, node)),
            .. actions,
            .. emptied.Where(node => !SuppressedNodes.Contains(node.Id)).Select(node => new RestoreReplicaMigration(Slot, node)),
            .. RestoreSuppressed(view),
        ];
    }

    private IEnumerable<SlotAction> RestoreSuppressed(ClusterView view) => SuppressedNodes
        .Select(view.Node)
        .Where(node => node is { IsReachable: true })
        .Select(node => new RestoreReplicaMigration(Slot, node!, WasInterrupted: true));

    // The slot was completed forward and is on its way back, which is a migration like any other.
    private SlotPlan PlanOnTheWayBack(SlotDiagnosis diagnosis)
    {
        CompleteRequest.RefuseUnlessCompletable(diagnosis, "undone");
        var actions = KeepingMasters(diagnosis.Situation.View, [diagnosis.Source!], CompleteRequest.Actions(this, diagnosis));
        return PlanOf(diagnosis, diagnosis.Target!, diagnosis.Source!, actions);
    }

    private SlotPlan PlanStable(SlotSituation situation)
    {
        var view = situation.View;
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        var (origin, away) = (Ends.SourceNow(view), view.ShardMaster(Ends.TargetId));
        foreach (var end in new[] { owner, origin, away })
        {
            // The flags and keys of an unreachable node are unknown.
            if (end is { IsReachable: false })
                SlotRefusal.RequireDispensable(Slot, view, end, "undone", AllowUnreachableNode && end == away, null);
        }

        if (owner is not null && owner.Id == origin?.Id)
            return PlanReturned(situation, owner, away?.Id == owner.Id ? null : away);
        if (owner is null || !Ends.IsTarget(view, owner))
            throw Stale(SlotRefusal.BelongsTo(owner));
        if (origin is null)
            throw WayBack.Refusal(view, SlotSet.From([Slot]), owner, Ends.SourceId, Ends.Source, Again);

        var whole = HandoverOrder.Whole(this, view, owner, origin, situation.KeysOn(owner));
        SlotAction[] back = [new ClearFlags(Slot, origin, owner), .. whole];
        return PlanOf(null, origin, owner, KeepingMasters(view, [owner], back)) with
        {
            KeysOnSource = situation.KeysOn(origin),
            KeysOnTarget = situation.KeysOn(owner),
        };
    }

    // If the target failed over during a pull-back, the remaining keys are on its successor, which has no flag.
    private SlotPlan PlanReturned(SlotSituation situation, ClusterNode owner, ClusterNode? away)
    {
        var keys = situation.KeysOn(away);
        var mayHide = (WasInterrupted || TargetHidesKeys) && away is { IsReachable: true } && !NeverCounts(away);
        if (away is null || keys == 0 || (keys is null && !mayHide))
        {
            return SuppressedNodes.Count == 0
                ? Done(situation.View, owner)
                : PlanOf(null, owner, away ?? owner, RestoreSuppressed(situation.View));
        }

        var prepare = PrepareReverseMove(situation.View, owner, away);
        return keys is null
            ? PlanOf(null, owner, away, prepare) with { IsPartial = true }
            : PlanOf(null, owner, away, [.. prepare, ReverseMove(situation, owner, away), new StopImporting(Slot, away)]);
    }

    // Garnet never counts keys of a slot that another node owns.
    private static bool NeverCounts(ClusterNode node) => node.View!.Facts.Engine == ServerEngine.Garnet;

    /// <summary>Makes the node import from the owner: only an importing node may send keys of a slot that it does not own.</summary>
    private IEnumerable<SlotAction> PrepareReverseMove(ClusterView view, ClusterNode origin, ClusterNode away)
    {
        var correct = HandoverOrder.CorrectOwners(view, Slot, origin, away);
        return HandoverOrder.Has(away.View!.Self.ImportingFrom, Slot, origin.Id)
            ? correct
            : correct.Append(new SetImporting(Slot, away, origin));
    }

    private MoveKeys ReverseMove(SlotSituation situation, ClusterNode origin, ClusterNode away) =>
        HandoverOrder.GatherBack(this, away, origin, situation.KeysOn(away));

    private List<SlotAction> PullBack(SlotDiagnosis diagnosis, ClusterNode origin, ClusterNode away)
    {
        var empty = diagnosis.Situation.KeysOn(away) == 0;
        var actions = new List<SlotAction>();
        // An empty node that never imported has no flag to clear.
        var imports = !empty || away.View!.Self.ImportingFrom.ContainsKey(Slot);
        if (imports)
            actions.AddRange(PrepareReverseMove(diagnosis.Situation.View, origin, away));
        if (origin.View!.Self.MigratingTo.ContainsKey(Slot))
            actions.Add(new StopMigrating(Slot, origin, Strategy == UndoStrategy.PullBack ? null : away));
        if (!imports)
            return actions;
        actions.Add(ReverseMove(diagnosis.Situation, origin, away));
        actions.Add(new StopImporting(Slot, away));
        return actions;
    }

    // The owner is reachable. Closing the slot there makes it complete again, but without the keys that have moved.
    private SlotPlan PlanWithoutTarget(SlotDiagnosis diagnosis, ClusterNode origin, ClusterNode away)
    {
        var withoutIt = new NextAction(NextActionCode.Undo)
        {
            Slots = Number,
            Options = NextActionOptions.AllowUnreachableNode,
            Note = "abandons the keys that have moved to it until it is back",
        };
        SlotRefusal.RequireDispensable(Slot, diagnosis.Situation.View, away, "undone", AllowUnreachableNode, withoutIt);

        string[] lasting =
        [
            "Keys that have moved to " + away.Name + " read as missing from now on. When it is back, a repair of slot " + Number
                + " returns them.",
        ];
        return PlanOf(diagnosis, origin, away, [new StopMigrating(Slot, origin, null)]) with
        {
            Warnings = lasting,
            LastingWarnings = lasting,
        };
    }

    private SlotPlan PlanOf(SlotDiagnosis? diagnosis, ClusterNode origin, ClusterNode away, IEnumerable<SlotAction> actions)
    {
        var planned = actions.ToList();
        var hides = planned.OfType<StopMigrating>().Any() && planned.OfType<MoveKeys>().Any() && diagnosis?.Situation.KeysOn(away) != 0;
        var warning = "Keys on " + away.Name + " read as missing until they have returned to " + origin.Name
            + ". A client that writes one of them meanwhile creates a second copy.";
        return Planned(diagnosis, origin, away) with
        {
            Owner = diagnosis is null ? away.Id : diagnosis.Owner?.Id,
            OwnerAtEnd = origin.Id,
            Actions = planned,
            Warnings = hides ? [warning] : [],
        };
    }
}
