using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Opens a stable slot: sets IMPORTING on the target, then MIGRATING on the source. Moves no key.</summary>
internal sealed record StartRequest(int Slot, RedisClusterSession Session, MoveOptions Options, MigrationEnds Ends)
    : SlotRequest(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.Start;

    public override MigrationOutcome Success => MigrationOutcome.Restarted;

    public override NextAction Again => new(NextActionCode.Start) { Slots = Number, Target = Ends.Target };

    public override bool LeavesOpen => true;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var view = situation.View;
        var source = Reachable(view, view.ShardMaster(Ends.SourceId), Ends.Source);
        var target = Reachable(view, view.ShardMaster(Ends.TargetId), Ends.Target);
        if (source.Id == target.Id)
        {
            throw SlotRefusal.Unsuitable(
                Slot, "already belongs to " + target.Name + "." + SlotRefusal.NothingChanged, new NextAction(NextActionCode.ShowNodes));
        }

        if (view.OwnerOf(Slot) != source.Id)
        {
            var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
            throw new RedisOperationException(
                FailureCode.SlotNotOwned,
                "Slot " + Number + " does not belong to " + source.Name + ": it " + SlotRefusal.BelongsTo(owner) + "."
                    + SlotRefusal.NothingChanged,
                Number,
                new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number });
        }

        var diagnosis = SlotDiagnostician.Diagnose(situation);
        // An interrupted run may have set one of the flags. Then only the other one is left to do.
        var isOurs = diagnosis is null || (diagnosis.Source?.Id == source.Id && diagnosis.Target?.Id == target.Id && diagnosis.State
            is RedisOpenSlotState.ImportingOnly or RedisOpenSlotState.MigratingOnly
            or RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained);
        if (!isOurs)
        {
            throw SlotRefusal.Unsuitable(
                diagnosis!, "A migration to " + target.Name + " can't be started in this state." + SlotRefusal.NothingChanged);
        }

        if (diagnosis is not null)
            CompleteRequest.RefuseUnknownImporter(diagnosis);
        return Planned(diagnosis, source, target) with
        {
            Owner = source.Id,
            KeysOnSource = situation.KeysOn(source),
            KeysOnTarget = situation.KeysOn(target),
            Actions = [.. HandoverOrder.OpenAndCorrectOwner(situation.View, Slot, source, target)],
        };
    }

    private ClusterNode Reachable(ClusterView view, ClusterNode? master, string name) => master switch
    {
        null => throw SlotRefusal.Unsuitable(
            Slot,
            "can't be opened: " + name + " is not a master and has none." + SlotRefusal.NothingChanged,
            new NextAction(NextActionCode.ShowNodes)),
        { IsReachable: false } => throw SlotRefusal.Unreachable(Slot, view, master, "opened"),
        _ => master,
    };
}
