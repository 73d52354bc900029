using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Moves a slot whole, from wherever its migration is: stable on the source, open, or handed over by halves.</summary>
/// <param name="Ends">The masters that it leaves and goes to.</param>
/// <param name="Work">What the run is called: <c>Rebalance</c>, <c>Move</c>, or <c>Undo</c> of one of them.</param>
internal sealed record MoveSlotOperation(int Slot, RedisClusterSession Session, MoveOptions Options, AgreedEnds Ends, MigrationOperation Work) : SlotOperation(Slot, Session, Options)
{
    public override MigrationOperation Kind => Work;

    public override MigrationOutcome Success => SuccessOf(Work);

    public override NextAction Again => new(NextActionCode.Resume);

    public static MigrationOutcome SuccessOf(MigrationOperation work) => work == MigrationOperation.Undo ? MigrationOutcome.RolledBack : MigrationOutcome.Moved;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var view = situation.View;
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return PlanStable(situation);
        CompleteOperation.RefuseUnlessCompletable(diagnosis, "moved");
        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (!Ends.Fit(view, source, target))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "goes from " + source.Name + " to " + target.Name);
        var warnings = CompleteOperation.Warnings(diagnosis, source, target);
        return Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            Warnings = warnings,
            Lasting = warnings,
            Actions = [.. CompleteOperation.Actions(this, diagnosis)],
        };
    }

    private SlotPlan PlanStable(SlotSituation situation)
    {
        var view = situation.View;
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        if (owner is { IsReachable: true } && Ends.IsTarget(view, owner))
            return Done(view, owner);
        if (!Ends.IsSource(view, owner))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "belongs to " + (owner?.Name ?? "nobody"));
        var target = view.ShardMaster(Ends.TargetId);
        foreach (var end in new[] { owner!, target })
        {
            if (end is { IsReachable: false })
                throw SlotRefusal.Unreachable(Slot, end, "moved");
        }

        if (target is null)
            throw SlotRefusal.Unsuitable(Slot, "can't go to " + Ends.Target + ", which is no master any more.", "Get-RedisClusterNode");
        CompleteOperation.RefuseReturningImporter(view, Slot, target, "moved");
        var keys = situation.KeysOn(owner);
        return Planned(null, owner, target) with
        {
            Owner = owner!.Id,
            KeysOnSource = keys,
            KeysOnTarget = situation.KeysOn(target),
            Actions = [.. HandoverOrder.Whole(this, view, owner, target, keys)],
        };
    }
}
