using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Brings a slot back to the master that its migration started from, wherever the migration is by now.</summary>
/// <param name="Ends">The migration to undo: where it came from, and where it was going. So also its way back, when that was cut off, is known again.</param>
/// <param name="AllowUnreachableNode">Gives up the keys that a target which does not answer may hold.</param>
/// <param name="WasCutOff">True where a run of it is known not to have come to its end.</param>
internal sealed record UndoOperation(
    int Slot, RedisClusterSession Session, MoveOptions Options, AgreedEnds Ends, UndoStrategy Strategy, bool AllowUnreachableNode, bool WasCutOff = false)
    : SlotOperation(Slot, Session, Options)
{
    /// <summary>Ids of nodes that a run which was cut off kept masters by a setting.</summary>
    public IReadOnlyCollection<string> SuppressedNodes { get; init; } = [];

    /// <summary>True where the target holds keys that it counts for no slot, so they may be of this one.</summary>
    public bool AwayHides { get; init; }

    public override MigrationOperation Kind => MigrationOperation.Undo;

    /// <inheritdoc/>
    public override bool LooksForHidden => !AwayHides;

    public override MigrationOutcome Success => MigrationOutcome.RolledBack;

    public override NextAction Again => new(NextActionCode.Undo)
    {
        Slots = Number,
        Source = Ends.Source,
        Target = Ends.Target,
        Options = Strategy == UndoStrategy.PullBack ? NextActionOptions.PullBack : NextActionOptions.None,
    };

    /// <inheritdoc/>
    /// <remarks>A target that failed over has a successor without the flag, which neither owns nor imports the slot: its zero says nothing.</remarks>
    public override ClusterNode? MayHide(SlotSituation situation)
    {
        var view = situation.View;
        return !AwayHides && SlotDiagnostician.Diagnose(situation) is null && view.OwnerOf(Slot) is { } id && Ends.IsSource(view, view.Node(id))
            && view.ShardMaster(Ends.TargetId) is { IsReachable: true } away && away.Id != id && situation.KeysOn(away) is null && !IsSilent(away)
            ? away : null;
    }

    /// <inheritdoc/>
    public override SlotOperation Revealing() => this with { AwayHides = true };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return PlanStable(situation);
        var (source, target) = (diagnosis.Source, diagnosis.Target);
        // Pulled back by halves: the holder imports from the owner, which has closed the slot.
        if (diagnosis.State == RedisOpenSlotState.StrayKeys && source is { IsReachable: true } && target is { IsReachable: true }
            && (Ends.Fit(situation.View, target, source) || Ends.Fit(situation.View, source, target)))
            return PlanOf(diagnosis, target, source, PullBack(diagnosis, origin: target, away: source));
        if (source is null || target is null || !SlotAdvice.CanComplete(diagnosis.State))
            throw SlotRefusal.Unsuitable(diagnosis, "It can't be undone from here.");
        if (Ends.Reversed.Fit(situation.View, source, target) && !Ends.Fit(situation.View, source, target))
            return PlanOnTheWayBack(diagnosis);
        if (!Ends.Fit(situation.View, source, target))
            throw SlotRefusal.Stale(Slot, "back to " + Ends.Source + ", having gone " + Ends, "goes from " + source.Name + " to " + target.Name);
        return PlanOpen(diagnosis, source, target);
    }

    private SlotPlan PlanOpen(SlotDiagnosis diagnosis, ClusterNode origin, ClusterNode away)
    {
        if (!origin.IsReachable)
            throw SlotRefusal.Unreachable(Slot, origin, "undone");
        if (!away.IsReachable)
            return PlanWithout(diagnosis, origin, away);
        var finished = diagnosis.State is RedisOpenSlotState.FinishedOnSource or RedisOpenSlotState.FinishedOnTarget;
        // A node that does not import may hide what it holds; importing brings it to light.
        if (!finished && diagnosis.KeysOnTarget is null && !away.View!.Self.ImportingFrom.ContainsKey(Slot) && !IsSilent(away))
            return PlanOf(diagnosis, origin, away, Prepare(origin, away)) with { IsPartial = true };
        if (!finished && (Strategy == UndoStrategy.PullBack || diagnosis.KeysOnTarget == 0))
            return PlanOf(diagnosis, origin, away, PullBack(diagnosis, origin, away));
        CompleteOperation.RefuseUnlessCompletable(diagnosis, "undone");
        var (view, keys) = (diagnosis.Situation.View, diagnosis.KeysOnSource + diagnosis.KeysOnTarget);
        return PlanOf(
            diagnosis, origin, away, Keeping(view, [origin, away], [.. CompleteOperation.Actions(this, diagnosis), new LetGo(Slot, origin, away), .. HandoverOrder.Whole(this, view, away, origin, keys)]));
    }

    // Back means that both are what they were before: masters, also one that is without any slot for a while.
    private IEnumerable<SlotAction> Keeping(ClusterView view, ClusterNode[] ends, IEnumerable<SlotAction> actions)
    {
        var emptied = ends.Where(node => node.IsMaster && !view.SlotsOf(node.Id).Slots.Any(slot => slot != Slot)).ToList();
        return [.. emptied.Select(node => new SuppressReplicaMigration(Slot, node)), .. actions, .. emptied.Where(node => !SuppressedNodes.Contains(node.Id)).Select(node => new RestoreReplicaMigration(Slot, node)), .. RestoreSuppressed(view)];
    }

    private IEnumerable<SlotAction> RestoreSuppressed(ClusterView view) =>
        SuppressedNodes.Select(view.Node).Where(node => node is { IsReachable: true }).Select(node => new RestoreReplicaMigration(Slot, node!, WasInterrupted: true));

    // The slot has been completed forward, and is on its way back: that is a migration like any other.
    private SlotPlan PlanOnTheWayBack(SlotDiagnosis diagnosis)
    {
        CompleteOperation.RefuseUnlessCompletable(diagnosis, "undone");
        return PlanOf(diagnosis, diagnosis.Target!, diagnosis.Source!, Keeping(diagnosis.Situation.View, [diagnosis.Source!], CompleteOperation.Actions(this, diagnosis)));
    }

    private SlotPlan PlanStable(SlotSituation situation)
    {
        var view = situation.View;
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        var (origin, away) = (view.ShardMaster(Ends.SourceId), view.ShardMaster(Ends.TargetId));
        foreach (var end in new[] { owner, origin, away })
        {
            // Nobody knows what flag it has, and what it holds.
            if (end is { IsReachable: false } && (!AllowUnreachableNode || end != away))
                throw SlotRefusal.Unreachable(Slot, end, "undone");
        }

        if (Ends.IsSource(view, owner))
            return PlanAtHome(situation, owner!, away?.Id == owner!.Id ? null : away);
        if (!Ends.IsTarget(view, owner))
            throw SlotRefusal.Stale(Slot, "back to " + Ends.Source + ", having gone " + Ends, "belongs to " + (owner?.Name ?? "nobody"));
        if (origin is null || origin.Id == owner!.Id)
            throw SlotRefusal.Unsuitable(Slot, "can't go back to " + Ends.Source + ", which is no master any more.", "Get-RedisClusterNode");
        var back = HandoverOrder.Whole(this, view, owner, origin, situation.KeysOn(owner));
        return PlanOf(null, origin, owner, Keeping(view, [owner], [new LetGo(Slot, origin, owner), .. back])) with
        {
            KeysOnSource = situation.KeysOn(origin),
            KeysOnTarget = situation.KeysOn(owner),
        };
    }

    // What was not pulled back yet when the target failed over lies on its successor, which has no flag.
    private SlotPlan PlanAtHome(SlotSituation situation, ClusterNode owner, ClusterNode? away)
    {
        var keys = situation.KeysOn(away);
        if (away is null || keys == 0 || (keys is null && !((WasCutOff || AwayHides) && away is { IsReachable: true } && !IsSilent(away))))
            return SuppressedNodes.Count == 0 ? Done(situation.View, owner) : PlanOf(null, owner, away ?? owner, RestoreSuppressed(situation.View));
        var reveal = Prepare(owner, away);
        return keys is null
            ? PlanOf(null, owner, away, reveal) with { IsPartial = true }
            : PlanOf(null, owner, away, [.. reveal, Back(situation, owner, away), new StopImporting(Slot, away)]);
    }

    // Garnet never tells what it holds of a slot that is another's.
    private static bool IsSilent(ClusterNode node) => node.View!.Facts.Engine == ServerEngine.Garnet;

    /// <summary>What the reverse move back needs: a holder that imports from the owner, for nobody else may send keys that are not its own.</summary>
    private IEnumerable<SlotAction> Prepare(ClusterNode origin, ClusterNode away)
    {
        // An importer whose source failed over may take nobody for the owner, and would not know whose the keys are.
        if (away.View!.OwnerOf(Slot) != origin.Id)
            yield return new CorrectOwner(Slot, away, origin);
        if (!HandoverOrder.Has(away.View.Self.ImportingFrom, Slot, origin.Id))
            yield return new SetImporting(Slot, away, origin);
    }

    private MoveKeys Back(SlotSituation situation, ClusterNode origin, ClusterNode away) => HandoverOrder.GatherBack(this, away, origin, situation.KeysOn(away));

    private List<SlotAction> PullBack(SlotDiagnosis diagnosis, ClusterNode origin, ClusterNode away)
    {
        var empty = diagnosis.Situation.KeysOn(away) == 0;
        var actions = new List<SlotAction>();
        // An empty node that never imported needs no flag to be cleared of.
        var imports = !empty || away.View!.Self.ImportingFrom.ContainsKey(Slot);
        if (imports)
            actions.AddRange(Prepare(origin, away));
        if (origin.View!.Self.MigratingTo.ContainsKey(Slot))
            actions.Add(new StopMigrating(Slot, origin, Strategy == UndoStrategy.PullBack ? null : away));
        if (!imports)
            return actions;
        actions.Add(Back(diagnosis.Situation, origin, away));
        actions.Add(new StopImporting(Slot, away));
        return actions;
    }

    // The owner is alive: closing the slot there makes it whole again, without the keys that have moved.
    private SlotPlan PlanWithout(SlotDiagnosis diagnosis, ClusterNode origin, ClusterNode away)
    {
        if (!AllowUnreachableNode)
        {
            throw SlotRefusal.Unreachable(
                Slot, away, "undone", "Undo-RedisSlotMigration -Slot " + Number + " -AllowUnreachableNode   (the keys that have moved to it are given up until it is back)");
        }

        string[] lasting = ["Keys that have moved to " + away.Name + " read as missing from now on. When it is back, Repair-RedisCluster -Slot " + Number + " brings them home."];
        return PlanOf(diagnosis, origin, away, [new StopMigrating(Slot, origin, null)]) with
        {
            Warnings = lasting,
            Lasting = lasting,
        };
    }

    private SlotPlan PlanOf(SlotDiagnosis? diagnosis, ClusterNode origin, ClusterNode away, IEnumerable<SlotAction> actions)
    {
        var planned = actions.ToList();
        var hides = planned.OfType<StopMigrating>().Any() && planned.OfType<MoveKeys>().Any() && diagnosis?.Situation.KeysOn(away) != 0;
        return Planned(diagnosis, origin, away) with
        {
            Owner = diagnosis is null ? away.Id : diagnosis.Owner?.Id,
            OwnerAtEnd = origin.Id,
            Actions = planned,
            Warnings = hides
                ? ["Until they are back on " + origin.Name + ", keys that are on " + away.Name + " read as missing, and a client that writes one meanwhile makes a second copy."]
                : [],
        };
    }
}
