using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>From wherever the slot's migration is to the target owning it. Holds no step that is done already.</summary>
internal sealed record CompleteOperation(int Slot, RedisClusterSession Session, MoveOptions Options, AgreedEnds? Ends = null)
    : SlotOperation(Slot, Session, Options)
{
    public override MigrationOperation Kind => MigrationOperation.Complete;

    public override MigrationOutcome Success => MigrationOutcome.Completed;

    public override NextAction Again => new(NextActionCode.Complete) { Slots = Number };

    /// <inheritdoc/>
    public override SlotPlan Plan(SlotSituation situation)
    {
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return PlanStable(situation.View);
        // First whether it can be completed at all: of a state that can't, its reason says more than the direction does.
        RefuseUnlessCompletable(diagnosis, Kind == MigrationOperation.Complete ? "completed" : "repaired");
        var (source, target) = (diagnosis.Source!, diagnosis.Target!);
        if (Ends is not null && !Ends.Fit(situation.View, source, target))
            throw SlotRefusal.Stale(Slot, Ends.ToString(), "goes from " + source.Name + " to " + target.Name);
        var warnings = Warnings(diagnosis, source, target);
        return Planned(diagnosis, source, target) with
        {
            Owner = diagnosis.Owner?.Id,
            Warnings = warnings,
            Lasting = warnings,
            Actions = [.. Actions(this, diagnosis)],
            Request = this with { Ends = AgreedEnds.Of(source, target) },
        };
    }

    // Closed meanwhile: by an earlier round of ours, or by somebody else who went the same way.
    private SlotPlan PlanStable(ClusterView view)
    {
        var owner = view.OwnerOf(Slot) is { } id ? view.Node(id) : null;
        if (Ends is null)
            throw SlotRefusal.NotOpen(Slot, owner);
        return owner is { IsReachable: true } && Ends.IsTarget(view, owner)
            ? Done(view, owner)
            : throw SlotRefusal.Stale(Slot, Ends.ToString(), "is not open and belongs to " + (owner?.Name ?? "nobody"));
    }

    /// <summary>What is left to do of a migration that can be completed.</summary>
    public static IEnumerable<SlotAction> Actions(SlotOperation operation, SlotDiagnosis diagnosis)
    {
        var (slot, view, source, target) = (diagnosis.Slot, diagnosis.Situation.View, diagnosis.Source!, diagnosis.Target!);
        if (diagnosis.State == RedisOpenSlotState.FinishedOnTarget)
            return HandoverOrder.Tell(view, slot, source, target);
        // Where the slot is already out of the source's hands there is nothing to open and nothing to move.
        if (diagnosis.State == RedisOpenSlotState.FinishedOnSource)
            return HandoverOrder.Close(view, slot, source, target);
        var actions = (diagnosis.State == RedisOpenSlotState.SourceFailedOver ? HandoverOrder.OpenAfterFailover(slot, source, target) : HandoverOrder.Open(slot, source, target)).ToList();
        if (diagnosis.KeysOnSource != 0)
            actions.Add(HandoverOrder.Move(operation, source, target, diagnosis.KeysOnSource));
        return actions.Concat(HandoverOrder.Close(view, slot, source, target));
    }

    /// <exception cref="RedisOperationException">The state needs another operation or a person's judgement.</exception>
    public static void RefuseUnlessCompletable(SlotDiagnosis diagnosis, string what, bool allowUnreachableNode = false)
    {
        foreach (var end in new[] { diagnosis.Source, diagnosis.Target })
        {
            // A master that does not answer may come back with keys: nothing is decided without it.
            if (end is { IsReachable: false })
                throw SlotRefusal.Unreachable(diagnosis.Slot, end, what);
        }

        if (!SlotAdvice.CanComplete(diagnosis.State) || diagnosis.Source is null || diagnosis.Target is null)
            throw SlotRefusal.Unsuitable(diagnosis, "Completing it is not certain to keep every key, so nothing was done.");

        // Garnet assigns a slot away from a node that still holds keys; those can't be migrated by a node that does not own them.
        if (diagnosis.State == RedisOpenSlotState.FinishedOnSource && diagnosis.KeysOnSource is > 0)
        {
            throw new RedisOperationException(
                FailureCode.SourceNotEmpty,
                "Slot " + diagnosis.Slot + " was given away by " + diagnosis.Source.Name + ", which still holds keys of it. Completing it would delete them, so nothing was done.",
                diagnosis.Slot.ToString(System.Globalization.CultureInfo.InvariantCulture),
                "Get-RedisSlotKey -Slot " + diagnosis.Slot + " -Node " + diagnosis.Source.Name + " -Detail");
        }

        // A source that gave its last slot away follows the target by now; a target is a master in any case.
        var follows = diagnosis.State == RedisOpenSlotState.FinishedOnSource && diagnosis.Source.Line.MasterId == diagnosis.Target.Id;
        if (!diagnosis.Target.IsMaster || !(diagnosis.Source.IsMaster || follows))
            throw SlotRefusal.Unsuitable(diagnosis.Slot, "has an end that is not a master now.", "Get-RedisOpenSlot -Slot " + diagnosis.Slot);

        if (!allowUnreachableNode)
            RefuseReturningImporter(diagnosis.Situation.View, diagnosis.Slot, diagnosis.Target, what);
    }

    /// <exception cref="RedisOperationException">NodeUnreachable: a master that may take the slot back when it returns does not answer.</exception>
    public static void RefuseReturningImporter(ClusterView view, int slot, ClusterNode target, string what)
    {
        if (ReturningImporter(view, target) is not { } absent)
            return;
        var slots = view.SlotsOf(absent.Id).Count;
        throw new RedisOperationException(
            FailureCode.NodeUnreachable,
            "Slot " + slot + " is not " + what + " while " + absent.Name + (slots == 0 ? ", a master that lost its slots," : string.Empty) + " does not answer: if it was a target of the slot once, Valkey lets it take the slot"
                + (slots == 0 ? ", and all that its successor owns," : string.Empty) + " when it comes back and the source is through with the slot, and whoever owns it then deletes the keys. Start it now, while the slot is open"
                + (slots == 0 ? ", or remove it for good with CLUSTER FORGET " + absent.Id + " on every node" : ", or have a replica take its place and remove it") + ". Nothing was done.",
            absent.Name,
            "Get-RedisClusterNode");
    }

    // An importer of Valkey 8 and later takes a slot by itself, with an epoch above all others, once the source does not claim it any more.
    // A target that was down while its replica was promoted still imports when it comes back, and may hear of the source before it hears
    // of its successor. While the source claims the slot it becomes a replica as it should. So does one with slots of its own, whose
    // migration was given up while it was down, and of whom nobody knows whether it imports.
    private static ClusterNode? ReturningImporter(ClusterView view, ClusterNode target) =>
        target.View!.Facts is { Engine: ServerEngine.Valkey } facts && facts.IsAtLeast(8, 0)
            ? view.Masters.FirstOrDefault(node => !node.IsReachable)
            : null;

    /// <summary>What to know before keys go from one to the other.</summary>
    public static IReadOnlyList<string> Warnings(SlotDiagnosis diagnosis, ClusterNode source, ClusterNode target) =>
    [
        .. diagnosis.Situation.View.Masters
            .Where(node => !node.IsReachable)
            .Select(node => node.Name + " does not answer; it will learn the new owner when it is back."),
        .. diagnosis.Situation.Holders
            .Where(node => node.Id != source.Id && node.Id != target.Id)
            .Select(node => node.Name + " also holds keys of the slot, which clients can't see and this leaves alone."),
    ];
}
