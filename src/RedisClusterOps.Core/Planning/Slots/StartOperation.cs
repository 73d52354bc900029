using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Opens a stable slot: the target imports, then the source migrates. No key is moved.</summary>
internal sealed record StartOperation(int Slot, RedisClusterSession Session, MoveOptions Options, AgreedEnds Ends) : SlotOperation(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.Start;

    public override MigrationOutcome Success => MigrationOutcome.Restarted;

    public override NextAction Again => new(NextActionCode.Start) { Slots = Number, Target = Ends.Target };

    public override bool LeavesOpen => true;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var view = situation.View;
        var (source, target) = (Ready(view.ShardMaster(Ends.SourceId), Ends.Source), Ready(view.ShardMaster(Ends.TargetId), Ends.Target));
        if (source.Id == target.Id)
            throw SlotRefusal.Unsuitable(Slot, "belongs to " + target.Name + " already.", "Get-RedisClusterNode");
        if (view.OwnerOf(Slot) != source.Id)
        {
            throw new RedisOperationException(
                FailureCode.SlotNotOwned,
                "Slot " + Number + " is not " + source.Name + "'s: " + (view.OwnerOf(Slot) is { } id ? "it belongs to " + view.Node(id)!.Name : "nobody owns it") + ". Nothing was done.",
                Number,
                "Get-RedisOpenSlot -Slot " + Number);
        }

        var diagnosis = SlotDiagnostician.Diagnose(situation);
        // Half of it may be there from a run that was cut off: then only the other half is left to do.
        var ours = diagnosis is null || (diagnosis.State is RedisOpenSlotState.ImportingOnly or RedisOpenSlotState.MigratingOnly or RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained
            && diagnosis.Source?.Id == source.Id && diagnosis.Target?.Id == target.Id);
        if (!ours)
            throw SlotRefusal.Unsuitable(diagnosis!, "It can't be opened towards " + target.Name + " as long as it is.");
        return Planned(diagnosis, source, target) with
        {
            Owner = source.Id,
            KeysOnSource = situation.KeysOn(source),
            KeysOnTarget = situation.KeysOn(target),
            Actions = [.. HandoverOrder.OpenKnowingTheOwner(Slot, source, target)],
        };
    }

    private ClusterNode Ready(ClusterNode? master, string name) => master switch
    {
        null => throw SlotRefusal.Unsuitable(Slot, "can't be opened: " + name + " is no master, nor has it one.", "Get-RedisClusterNode"),
        { IsReachable: false } => throw SlotRefusal.Unreachable(Slot, master, "opened"),
        _ => master,
    };
}
