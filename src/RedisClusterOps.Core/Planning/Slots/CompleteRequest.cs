using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Completes a slot's migration from any state. The plan leaves out what is already done.</summary>
internal sealed record CompleteRequest(int Slot, RedisClusterSession Session, MoveOptions Options, MigrationEnds? Ends = null)
    : SlotRequest(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.Complete;

    public override MigrationOutcome Success => MigrationOutcome.Completed;

    public override NextAction Again => new(NextActionCode.Complete) { Slots = Number };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return PlanStable(situation.View);
        // Checked before the ends: the reason why a state can't be completed says more than a wrong direction.
        RefuseUnlessCompletable(diagnosis, "completed");
        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (Ends is not null && (!Ends.Match(situation.View, source, target)
            || (Ends.MasterOfReplica is not null && !Ends.IsTargetOrItsReplica(target))))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "moves from " + source.Name + " to " + target.Name);
        var warnings = Warnings(diagnosis, source, target);
        return Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            Warnings = warnings,
            LastingWarnings = warnings,
            Actions = [.. Actions(this, diagnosis)],
            Request = this with
            {
                Ends = MigrationEnds.Of(source, target) with { MasterOfReplica = situation.View.MasterOfReplica },
            },
        };
    }

    // Closed meanwhile: by an earlier round of this run, or by another tool in the same direction.
    private SlotPlan PlanStable(ClusterView view)
    {
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        if (Ends is null)
            throw SlotRefusal.NotOpen(Slot, owner);
        return owner is { IsReachable: true } && Ends.IsTargetOrItsReplica(owner)
            ? Done(view, owner)
            : throw SlotRefusal.Stale(Slot, Ends.ToString(), "is not open and " + SlotRefusal.BelongsTo(owner));
    }

    /// <summary>The remaining actions of a migration that can be completed.</summary>
    public static IEnumerable<SlotAction> Actions(SlotRequest request, SlotDiagnosis diagnosis)
    {
        var (slot, view, source, target) = (diagnosis.Slot, diagnosis.Situation.View, diagnosis.Source!, diagnosis.Target!);
        if (diagnosis.State == RedisOpenSlotState.FinishedOnTarget)
            return HandoverOrder.Notify(view, slot, source, target);
        // The source no longer owns the slot, so there is nothing to open and nothing to move.
        if (diagnosis.State == RedisOpenSlotState.FinishedOnSource)
            return HandoverOrder.Close(view, slot, source, target);
        var actions = diagnosis.State == RedisOpenSlotState.SourceFailedOver
            ? HandoverOrder.OpenAfterFailover(view, slot, source, target).ToList()
            : HandoverOrder.Open(slot, source, target).ToList();
        if (diagnosis.KeysOnSource != 0)
            actions.Add(HandoverOrder.Move(request, source, target, diagnosis.KeysOnSource));
        return actions.Concat(HandoverOrder.Close(view, slot, source, target));
    }

    /// <param name="diagnosis">The slot.</param>
    /// <param name="verb">What is to be done, such as <c>completed</c>.</param>
    /// <param name="allowUnreachableNode">True to accept that a former target may be unreachable.</param>
    /// <exception cref="RedisOperationException">The state needs another operation, or a person's decision.</exception>
    public static void RefuseUnlessCompletable(SlotDiagnosis diagnosis, string verb, bool allowUnreachableNode = false)
    {
        foreach (var end in new[] { diagnosis.Source, diagnosis.Target })
        {
            // A master that does not answer may return with keys, so nothing is decided without it.
            if (end is { IsReachable: false })
                throw SlotRefusal.Unreachable(diagnosis.Slot, diagnosis.Situation.View, end, verb);
        }

        if (!SlotAdvice.CanComplete(diagnosis.State) || diagnosis.Source is null || diagnosis.Target is null)
            throw SlotRefusal.Unsuitable(diagnosis, "Completing it might lose keys." + SlotRefusal.NothingChanged);

        var number = diagnosis.Slot.ToString(CultureInfo.InvariantCulture);
        // Garnet lets a node hand over a slot while it still holds keys. Those can't be migrated by a node that does not own them.
        if (diagnosis.State == RedisOpenSlotState.FinishedOnSource && diagnosis.KeysOnSource is > 0)
        {
            throw new RedisOperationException(
                FailureCode.SourceNotEmpty,
                diagnosis.Source.Name + " handed over slot " + number + " but still holds keys of it. Completing the migration would"
                    + " delete them." + SlotRefusal.NothingChanged,
                number,
                new NextAction(NextActionCode.ShowKeys)
                {
                    Slots = number,
                    Node = diagnosis.Source.Name,
                    Options = NextActionOptions.Detail,
                });
        }

        // A source that handed over its last slot is a replica of the target by now.
        var isReplicaOfTarget = diagnosis.State == RedisOpenSlotState.FinishedOnSource
            && diagnosis.Source.Line.MasterId == diagnosis.Target.Id;
        if (!diagnosis.Target.IsMaster || !(diagnosis.Source.IsMaster || isReplicaOfTarget))
        {
            throw SlotRefusal.Unsuitable(
                diagnosis.Slot,
                "has a source or target that is not a master now." + SlotRefusal.NothingChanged,
                new NextAction(NextActionCode.ShowOpenSlots) { Slots = number });
        }

        RefuseUnknownImporter(diagnosis);
        if (!allowUnreachableNode)
            RefuseReturningImporter(diagnosis.Situation.View, diagnosis.Slot, diagnosis.Target, verb);
    }

    /// <summary>Requires that a slot that only its target has open has no other target.</summary>
    /// <exception cref="RedisOperationException">A master that is not dead can't be read, so it may import the slot, too.</exception>
    public static void RefuseUnknownImporter(SlotDiagnosis diagnosis)
    {
        // The source's flag would name the target. Without it, keys on a second importing node would be hidden behind the first one.
        var view = diagnosis.Situation.View;
        var unknown = diagnosis.State == RedisOpenSlotState.ImportingOnly
            ? view.Masters.Where(node => !node.IsReachable).Select(node => NodeVerdict.Of(view, node)).FirstOrDefault(node => !node.IsDead)
            : null;
        if (unknown is not null)
        {
            throw unknown.Refused("It is unknown whether slot " + diagnosis.Slot.ToString(CultureInfo.InvariantCulture)
                + " has a second target beside " + diagnosis.Target!.Name);
        }
    }

    /// <exception cref="RedisOperationException">NodeUnreachable: an unreachable master may take over the slot when it returns.</exception>
    public static void RefuseReturningImporter(ClusterView view, int slot, ClusterNode target, string verb)
    {
        if (ReturningImporter(view, target) is not { } absent)
            return;
        var isEmpty = view.SlotsOf(absent.Id).Count == 0;
        var verdict = NodeVerdict.Of(view, absent);
        var next = verdict.IsDead && verdict.Successor is null
            ? verdict.Cure with { Note = "start it now, while the slot is open", Or = isEmpty ? NodeVerdict.Forget(absent) : null }
            : verdict.Cure;
        throw new RedisOperationException(
            verdict.Code,
            "Slot " + slot.ToString(CultureInfo.InvariantCulture) + " can't be " + verb + ": " + absent.Name
                + (isEmpty ? ", a master without slots, " : " ") + verdict.Reason + "."
                + " If it was a target of the slot once, Valkey lets it take over the slot"
                + (isEmpty ? ", and all slots of its successor," : string.Empty)
                + " when it returns after the handover, and the owner then deletes its keys." + SlotRefusal.NothingChanged,
            absent.Name,
            next)
        {
            ConcernsOneNode = true,
        };
    }

    // In Valkey 8 and later an importing node takes over a slot by itself, with an epoch above all others, once the source no longer claims
    // it. A target that was down while its replica was promoted still imports when it returns, and may hear from the source before it hears
    // from its successor. While the source claims the slot, it becomes a replica as it should. The same holds for a node with slots of its
    // own whose migration was abandoned while it was down; whether it imports is unknown.
    private static ClusterNode? ReturningImporter(ClusterView view, ClusterNode target) =>
        target.View!.Facts is { Engine: ServerEngine.Valkey } facts && facts.IsAtLeast(8, 0)
            ? view.Masters.FirstOrDefault(node => !node.IsReachable)
            : null;

    /// <summary>What the user should know before keys move.</summary>
    public static IReadOnlyList<string> Warnings(SlotDiagnosis diagnosis, ClusterNode source, ClusterNode target) =>
    [
        .. diagnosis.Situation.View.Masters
            .Where(node => !node.IsReachable)
            .Select(node => node.Name + " does not answer; it will learn the new owner when it is back."),
        .. diagnosis.Situation.Holders
            .Where(node => node.Id != source.Id && node.Id != target.Id)
            .Select(node => node.Name + " also holds keys of the slot. Clients can't see them, and this operation does not change them."),
    ];
}
