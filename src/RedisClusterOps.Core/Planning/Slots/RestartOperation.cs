using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Puts both ends of an open slot in order, so that it is a normal open slot again; towards another target where nothing has moved yet.</summary>
/// <param name="Target">Id of the new target; null for the one that it had.</param>
internal sealed record RestartOperation(int Slot, RedisClusterSession Session, MoveOptions Options, string? Target = null) : SlotOperation(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.Restart;

    public override MigrationOutcome Success => MigrationOutcome.Restarted;

    public override NextAction Again => new(NextActionCode.Restart) { Slots = Number };

    public override bool LeavesOpen => true;

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var view = situation.View;
        var diagnosis = SlotDiagnostician.Diagnose(situation)
            ?? throw SlotRefusal.NotOpen(Slot, view.OwnerOf(Slot) is { } id ? view.Node(id) : null, "Start-RedisSlotMigration -Slot " + Number + " -Target <node>");
        foreach (var end in new[] { diagnosis.Source, diagnosis.Target })
        {
            if (end is { IsReachable: false } && (Target is null || end == diagnosis.Source))
                throw SlotRefusal.Unreachable(Slot, end, "restarted", diagnosis.Target == end ? "Restart-RedisSlotMigration -Slot " + Number + " -Target <another node>   (once nothing has moved)" : null);
        }

        if (diagnosis.State is RedisOpenSlotState.FinishedOnTarget or RedisOpenSlotState.FinishedOnSource)
            throw SlotRefusal.Unsuitable(diagnosis, "Its keys have all moved and it was being handed over, so there is nothing to restart.");
        if (!SlotAdvice.CanComplete(diagnosis.State))
            throw SlotRefusal.Unsuitable(diagnosis, "Both ends can't be put in order from here.");
        var (source, had) = (diagnosis.Source!, diagnosis.Target!);
        var target = Target is null ? had : view.ShardMaster(Target) is { IsReachable: true } master ? master
            : throw SlotRefusal.Unsuitable(Slot, "can't go to a node that is no master or does not answer.", "Get-RedisClusterNode");
        if (target.Id == source.Id)
            throw SlotRefusal.Unsuitable(Slot, "belongs to " + source.Name + ": to leave it there is to undo its migration.", "Undo-RedisSlotMigration -Slot " + Number);
        var plan = Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            Request = this with { Target = target.Id },
            Warnings = CompleteOperation.Warnings(diagnosis, source, target),
        };
        return target.Id == had.Id ? plan with { Actions = [.. Reopen(diagnosis)] } : Redirect(plan, diagnosis, had, target);
    }

    // Flags that are right stay; where keys have moved a STABLE in between would make them vanish.
    private static IEnumerable<SlotAction> Reopen(SlotDiagnosis diagnosis) => diagnosis.State == RedisOpenSlotState.SourceFailedOver
        ? HandoverOrder.OpenAfterFailover(diagnosis.Slot, diagnosis.Source!, diagnosis.Target!)
        : HandoverOrder.OpenKnowingTheOwner(diagnosis.Slot, diagnosis.Source!, diagnosis.Target!);

    private SlotPlan Redirect(SlotPlan plan, SlotDiagnosis diagnosis, ClusterNode had, ClusterNode target)
    {
        var source = diagnosis.Source!;
        if (!had.IsReachable)
            throw SlotRefusal.Unreachable(Slot, had, "sent to another target", "Undo-RedisSlotMigration -Slot " + Number + " -AllowUnreachableNode   (the keys that " + had.Name + " may hold are given up until it is back)");
        var imports = had.View!.Self.ImportingFrom.ContainsKey(Slot);
        if (diagnosis.KeysOnTarget is > 0)
        {
            throw SlotRefusal.Unsuitable(
                diagnosis, had.Name + " holds " + diagnosis.KeysOnTarget + " keys already. They have to come back before the slot can go to " + target.Name + ".", "Undo-RedisSlotMigration -Slot " + Number);
        }

        // A node that does not import may hide what it holds; importing brings it to light.
        if (diagnosis.KeysOnTarget is null && !imports)
            return plan with { IsPartial = true, Actions = [new SetImporting(Slot, had, source)] };
        if (diagnosis.KeysOnTarget is null)
            throw SlotRefusal.Unsuitable(diagnosis, had.Name + " does not tell whether it holds keys of it, so it can't be sent to another target.", "Undo-RedisSlotMigration -Slot " + Number);
        var actions = new List<SlotAction>();
        if (source.View!.Self.MigratingTo.ContainsKey(Slot))
            actions.Add(new StopMigrating(Slot, source, had));
        if (imports)
        {
            actions.Add(HandoverOrder.GatherBack(this, had, source, 0));
            actions.Add(new StopImporting(Slot, had));
        }

        actions.Add(new SetImporting(Slot, target, source));
        actions.Add(new SetMigrating(Slot, source, target));
        return plan with { Actions = actions };
    }
}
