using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Makes both ends of an open slot consistent and leaves it open. Can change the target while no key has moved.</summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Session">The connection settings of the cluster.</param>
/// <param name="Options">How keys are moved.</param>
/// <param name="Target">Id of the new target; null to keep the target.</param>
internal sealed record RestartRequest(int Slot, RedisClusterSession Session, MoveOptions Options, string? Target = null)
    : SlotRequest(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.Restart;

    public override MigrationOutcome Success => MigrationOutcome.Restarted;

    public override NextAction Again => new(NextActionCode.Restart) { Slots = Number };

    public override bool LeavesOpen => true;

    private NextAction Undo => new(NextActionCode.Undo) { Slots = Number };

    private NextAction WithoutTarget(ClusterNode former) => Undo with
    {
        Options = NextActionOptions.AllowUnreachableNode,
        Note = "abandons the keys that " + former.Name + " may hold until it is back",
    };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var view = situation.View;
        var diagnosis = SlotDiagnostician.Diagnose(situation) ?? throw SlotRefusal.NotOpen(
            Slot,
            view.OwnerOf(Slot) is { } id ? view.Node(id) : null,
            new NextAction(NextActionCode.Start) { Slots = Number, Target = "<node>" });
        foreach (var end in new[] { diagnosis.Source, diagnosis.Target })
        {
            if (end is { IsReachable: false } && (Target is null || end == diagnosis.Source))
                throw SlotRefusal.Unreachable(Slot, view, end, "restarted", diagnosis.Target == end ? WithoutTarget(end) : null);
        }

        if (diagnosis.State is RedisOpenSlotState.FinishedOnTarget or RedisOpenSlotState.FinishedOnSource)
            throw SlotRefusal.Unsuitable(diagnosis, "All its keys have moved and its handover has begun, so there is nothing to restart.");
        if (!SlotAdvice.CanComplete(diagnosis.State))
            throw SlotRefusal.Unsuitable(diagnosis, "Its ends can't be made consistent in this state." + SlotRefusal.NothingChanged);
        CompleteRequest.RefuseUnknownImporter(diagnosis);
        var (source, former) = (diagnosis.Source!, diagnosis.Target!);
        var target = NewTarget(view, former);
        if (target.Id == source.Id)
            throw SlotRefusal.Unsuitable(Slot, "already belongs to " + source.Name + ". To leave it there, undo the migration.", Undo);
        var plan = Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            Request = this with { Target = target.Id },
            Warnings = CompleteRequest.Warnings(diagnosis, source, target),
        };
        return target.Id == former.Id ? plan with { Actions = [.. Reopen(diagnosis)] } : ChangeTarget(plan, diagnosis, former, target);
    }

    private ClusterNode NewTarget(ClusterView view, ClusterNode former)
    {
        if (Target is null)
            return former;
        return view.ShardMaster(Target) is { IsReachable: true } master ? master : throw SlotRefusal.Unsuitable(
            Slot,
            "can't move to a node that is not a master or does not answer." + SlotRefusal.NothingChanged,
            new NextAction(NextActionCode.ShowNodes));
    }

    // Correct flags are kept: a STABLE in between would hide the keys that have moved.
    private static IEnumerable<SlotAction> Reopen(SlotDiagnosis diagnosis) => diagnosis.State == RedisOpenSlotState.SourceFailedOver
        ? HandoverOrder.OpenAfterFailover(diagnosis.Situation.View, diagnosis.Slot, diagnosis.Source!, diagnosis.Target!)
        : HandoverOrder.OpenAndCorrectOwner(diagnosis.Situation.View, diagnosis.Slot, diagnosis.Source!, diagnosis.Target!);

    private SlotPlan ChangeTarget(SlotPlan plan, SlotDiagnosis diagnosis, ClusterNode former, ClusterNode target)
    {
        var source = diagnosis.Source!;
        if (!former.IsReachable)
        {
            throw SlotRefusal.Unreachable(
                Slot, diagnosis.Situation.View, former, "moved to another target", WithoutTarget(former));
        }

        var imports = former.View!.Self.ImportingFrom.ContainsKey(Slot);
        if (diagnosis.KeysOnTarget is { } keys and > 0)
        {
            var count = keys.ToString(CultureInfo.InvariantCulture);
            throw SlotRefusal.Unsuitable(
                diagnosis,
                former.Name + " already holds " + count + " keys. They have to return before the slot can move to " + target.Name + ".",
                Undo with { Or = Undo with { Options = NextActionOptions.PullBack, Note = "if the target can't take the other keys" } });
        }

        // A node that does not import may hide its keys. IMPORTING makes them visible.
        if (diagnosis.KeysOnTarget is null && !imports)
            return plan with { IsPartial = true, Actions = [new SetImporting(Slot, former, source)] };
        if (diagnosis.KeysOnTarget is null)
        {
            throw SlotRefusal.Unsuitable(
                diagnosis, former.Name + " does not report whether it holds keys of it, so it can't be moved to another target.", Undo);
        }

        var actions = new List<SlotAction>();
        if (source.View!.Self.MigratingTo.ContainsKey(Slot))
            actions.Add(new StopMigrating(Slot, source, former));
        if (imports)
        {
            actions.Add(HandoverOrder.GatherBack(this, former, source, 0));
            actions.Add(new StopImporting(Slot, former));
        }

        actions.Add(new SetImporting(Slot, target, source));
        actions.Add(new SetMigrating(Slot, source, target));
        return plan with { Actions = actions };
    }
}
