using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>
/// Whatever is wrong with a slot, the single safe way out of it: to one owner, no flag, and every key with the owner. Where two ways
/// are safe it goes the way that the journal knows, else forward; where only a person can choose it says between what.
/// </summary>
/// <param name="What">What may be touched and decided.</param>
/// <param name="Chosen">Id of the master that a person chose to own the slot; null where nobody has.</param>
/// <param name="Undoing">The migration that was being undone when it was cut off; null where the way is forward.</param>
/// <param name="LeastLoaded">Id of the master that gets a slot of which nobody holds a key; null where there is none.</param>
/// <param name="Hiders">Ids of masters that hold keys which they do not count for any slot; empty once they have been looked into, null where nobody was asked.</param>
internal sealed record RepairOperation(
    int Slot, RedisClusterSession Session, MoveOptions Options, RepairOptions What, string? Chosen = null, UndoOperation? Undoing = null, string? LeastLoaded = null, IReadOnlyCollection<string>? Hiders = null)
    : SlotOperation(Slot, Session, Options)
{
    /// <summary>True once the slot has gone from the source to the target that a person saw: what third nodes hold besides is gathered then.</summary>
    public bool IsHandedOver { get; init; }

    /// <summary>Who held keys astray, as the source, and the owner to whom they were being brought; null where none were. Without them nothing is left of it but a flag, which would read as a migration that has only begun.</summary>
    public AgreedEnds? Gathering { get; init; }

    public override MigrationOperation Kind => MigrationOperation.Repair;

    public override MigrationOutcome Success => MigrationOutcome.Repaired;

    public override NextAction Again => new(NextActionCode.Repair)
    {
        Slots = Number,
        Options = What.AllowUnreachableNode ? NextActionOptions.AllowUnreachableNode : NextActionOptions.None,
    };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        var plan = PlanWayOut(situation);
        // Who names both a slot and its owner means that slot: where it is clear that another gets it, that one is not taken silently.
        if (What.Slots is not null && Chosen is not null && plan.Actions.Count > 0 && plan.OwnerAtEnd is { } end && end != (situation.View.ShardMaster(Chosen)?.Id ?? Chosen))
            throw NotTheChosen(situation, end);
        return plan;
    }

    private SlotPlan PlanWayOut(SlotSituation situation)
    {
        var view = situation.View;
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        var diagnosis = SlotDiagnostician.Diagnose(situation);
        if (diagnosis is { State: RedisOpenSlotState.Atomic })
            throw SlotRefusal.Unsuitable(diagnosis, "The servers move it themselves and will end it; there is nothing to repair while they do.", "Get-RedisOpenSlot -Slot " + Number);
        if (diagnosis is { State: RedisOpenSlotState.ClaimedWithoutEpoch })
            return PlanContested(diagnosis);
        if (owner is { IsReachable: false })
            return RepairCoverage.PlanAbsent(this, situation, diagnosis, owner);
        // Handed over by the source and not yet taken: nobody owns it, and yet it is clear whose it is.
        if (owner is null && diagnosis is not { State: RedisOpenSlotState.FinishedOnSource })
            return RepairCoverage.PlanUnowned(this, situation, diagnosis!);
        if (diagnosis is null && Hiders is { Count: > 0 })
            return PlanReveal(situation, owner!);
        // Flags that were set to look into those who hide keys are no migration.
        if (diagnosis is not null && SlotAdvice.CanComplete(diagnosis.State) && Hiders is not { Count: 0 } && !IsGathered(diagnosis))
            return PlanOpen(diagnosis);
        return RepairSettling.Plan(this, situation, diagnosis, owner!);
    }

    private bool IsGathered(SlotDiagnosis diagnosis) => Gathering is not null && diagnosis.State == RedisOpenSlotState.ImportingOnly
        && diagnosis.Source?.Id == Gathering.TargetId && diagnosis.Target?.Id == Gathering.SourceId;

    private RedisOperationException NotTheChosen(SlotSituation situation, string end)
    {
        var view = situation.View;
        var back = SlotDiagnostician.Diagnose(situation)?.Source?.Id == view.ShardMaster(Chosen!)?.Id;
        return SlotRefusal.Unsuitable(
            Slot,
            "goes to " + (view.Node(end)?.Name ?? end) + ", not " + (view.Node(Chosen!)?.Name ?? Chosen) + ": a target that is named decides only where the cluster itself can't tell. Nothing was done.",
            back ? new NextAction(NextActionCode.Undo) { Slots = Number } : Again);
    }

    /// <summary>The same repair without a node that does not answer.</summary>
    /// <param name="note">What this means for the keys of that node.</param>
    internal NextAction WithoutNode(string note) => Again with { Options = NextActionOptions.AllowUnreachableNode, Note = note };

    internal SlotPlan PlanOf(SlotDiagnosis? diagnosis, ClusterNode? source, ClusterNode? target, IEnumerable<SlotAction> actions) =>
        Planned(diagnosis, source, target) with { Owner = diagnosis?.Owner?.Id, Actions = [.. actions] };

    internal SlotPlan Nothing(ClusterView view, ClusterNode owner) => Done(view, owner);

    internal RedisOperationException Undecided(string why, NextAction choice) => new(FailureCode.SlotStateUnsuitable, "Slot " + Number + " " + why + " Nothing was done.", Number, choice);

    private SlotPlan PlanOpen(SlotDiagnosis diagnosis)
    {
        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (source.IsReachable && !target.IsReachable && What.AllowUnreachableNode)
        {
            RepairCoverage.RefuseWhereReplicaWaits(this, diagnosis.Situation.View, target);
            string[] lasting = ["Keys that have moved to " + target.Name + " read as missing from now on. When it is back, the same command brings them home."];
            return PlanOf(diagnosis, source, target, [new StopMigrating(Slot, source, null)]) with
            {
                OwnerAtEnd = source.Id,
                Warnings = lasting,
                Lasting = lasting,
            };
        }

        if (!target.IsReachable)
        {
            throw SlotRefusal.Unreachable(
                Slot, target, "repaired", WithoutNode("closes the slot on " + source.Name + "; the keys that have moved are given up until " + target.Name + " is back"));
        }

        if (Undoing is not null)
            return Undoing.Plan(diagnosis.Situation) with { Kind = Kind, Request = this };
        CompleteOperation.RefuseUnlessCompletable(diagnosis, "repaired", What.AllowUnreachableNode);
        var others = diagnosis.Situation.Holders.Where(node => node.Id != source.Id && node.Id != target.Id).ToList();
        var plan = PlanOf(diagnosis, source, target, CompleteOperation.Actions(this, diagnosis));
        return others.Count == 0 ? plan : plan with
        {
            IsPartial = true,
            Then = this with { IsHandedOver = true },
            Warnings = [.. others.Select(node => node.Name + " also holds keys of the slot, which clients can't see; they are brought to the owner afterwards.")],
        };
    }

    // A node that neither owns nor imports may hide what it holds; importing brings it to light.
    private SlotPlan PlanReveal(SlotSituation situation, ClusterNode owner) =>
        PlanOf(null, null, owner, situation.View.Masters.Where(node => Hiders!.Contains(node.Id) && node.IsReachable && node.Id != owner.Id).Select(node => new SetImporting(Slot, node, owner) { OnlyReveals = true })) with
        {
            Owner = owner.Id,
            IsPartial = true,
            Then = this with { Hiders = [] },
        };

    // Two masters claim it on their own lines. The servers will decide by epoch, and the loser deletes what it holds: so the empty one gives way first.
    private SlotPlan PlanContested(SlotDiagnosis diagnosis)
    {
        var (view, situation) = (diagnosis.Situation.View, diagnosis.Situation);
        var claimants = view.ContestedClaims[Slot].Select(id => view.Node(id)!).ToList();
        var holders = claimants.Where(node => situation.KeysOn(node) != 0).ToList();
        if (holders.Count > 1 || situation.Holders.Any(node => !claimants.Contains(node)))
        {
            throw Undecided(
                "is claimed by " + string.Join(" and ", claimants.Select(node => Holding(situation, node))) + ", and whoever loses it deletes its keys.",
                new NextAction(NextActionCode.ShowKeys) { Slots = Number, Node = claimants[0].Name });
        }

        var winner = holders.Count == 1 ? holders[0] : claimants[0];
        var actions = claimants.Where(node => node.Id != winner.Id).SelectMany(loser => HandoverOrder.Tell(view, Slot, loser, winner)).ToList();
        return PlanOf(diagnosis, claimants.First(node => node.Id != winner.Id), winner, actions);
    }

    internal static string Holding(SlotSituation situation, ClusterNode node) =>
        node.Name + " (" + (situation.KeysOn(node) is { } keys ? keys + (keys == 1 ? " key" : " keys") : "keys not counted") + ")";
}
