using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Moves a whole slot from any state of its migration: stable on the source, open, or partly handed over.</summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The connection settings of the cluster.</param>
/// <param name="Options">How keys are moved.</param>
/// <param name="Ends">The source and target of the slot.</param>
/// <param name="Operation">The operation of the run: <c>Rebalance</c>, <c>Move</c>, or <c>Undo</c> of one of them.</param>
internal sealed record SlotMoveRequest(
    int Slot, RedisClusterSession Session, MoveOptions Options, MigrationEnds Ends, MigrationOperation Operation)
    : SlotRequest(Slot, Session, Options)
{
    public override MigrationOperation Kind => Operation;

    public override MigrationOutcome Success => SuccessOf(Operation);

    public override NextAction Again => new(NextActionCode.Resume);

    public static MigrationOutcome SuccessOf(MigrationOperation operation) =>
        operation == MigrationOperation.Undo ? MigrationOutcome.RolledBack : MigrationOutcome.Moved;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return PlanStable(situation);
        CompleteRequest.RefuseUnlessCompletable(diagnosis, "moved");
        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (!Ends.Match(situation.View, source, target))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "moves from " + source.Name + " to " + target.Name);
        var warnings = CompleteRequest.Warnings(diagnosis, source, target);
        return Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            Warnings = warnings,
            LastingWarnings = warnings,
            Actions = [.. CompleteRequest.Actions(this, diagnosis)],
        };
    }

    private SlotPlan PlanStable(SlotSituation situation)
    {
        var view = situation.View;
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        var target = Ends.TargetNow(view);
        // Also if the target has lost its place to its replica, and does not know it yet.
        if (owner is { IsReachable: true } && Ends.IsTargetOrItsReplica(owner))
            return Done(view, owner);
        if (owner is null || !Ends.IsSource(view, owner))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), SlotRefusal.BelongsTo(owner));
        foreach (var end in new[] { owner, target })
        {
            if (end is { IsReachable: false })
                throw SlotRefusal.Unreachable(Slot, situation.View, end, "moved");
        }

        if (target is null)
            throw WayBack.Refusal(view, SlotSet.From([Slot]), owner, Ends.TargetId, Ends.Target, Again);

        CompleteRequest.RefuseReturningImporter(view, Slot, target, "moved");
        var keys = situation.KeysOn(owner);
        return Planned(null, owner, target) with
        {
            Owner = owner.Id,
            KeysOnSource = keys,
            KeysOnTarget = situation.KeysOn(target),
            Actions = [.. HandoverOrder.Whole(this, view, owner, target, keys)],
        };
    }
}
