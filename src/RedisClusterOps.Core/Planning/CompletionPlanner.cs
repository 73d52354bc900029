using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Planning;

/// <summary>From a slot's diagnosis to what is left to do until the target owns it. Pure; empty of steps that are already done.</summary>
internal static class CompletionPlanner
{
    public const string Operation = "Complete";

    /// <exception cref="RedisOperationException">The state needs another operation or a person's judgement; nothing was touched.</exception>
    public static SlotPlan Plan(SlotDiagnosis diagnosis, RedisClusterSession session, MoveOptions options)
    {
        RefuseUnlessCompletable(diagnosis);
        return PlanOf(diagnosis, Operation, Actions(diagnosis, session, options), options) with { Cluster = session };
    }

    /// <summary>The plan of a slot that is where it was to go: nothing to do.</summary>
    public static SlotPlan Done(int slot, ClusterNode owner, RedisClusterSession session) =>
        new() { Slot = slot, Operation = Operation, Target = owner.Name, TargetId = owner.Id, Cluster = session };

    /// <summary>Only the keys: the slot must be open on both ends, and stays so.</summary>
    /// <exception cref="RedisOperationException">SlotNotOpen: it is not open on both ends.</exception>
    public static SlotPlan PlanKeyMove(
        SlotDiagnosis diagnosis, RedisClusterSession session, MoveOptions options, int? first = null, IReadOnlyList<byte[]>? keys = null)
    {
        if (diagnosis.State is not (RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained))
        {
            throw new RedisOperationException(
                FailureCode.SlotNotOpen,
                "Slot " + Number(diagnosis) + " is " + diagnosis.State + ", not open on both ends, so keys can't be moved yet.",
                Number(diagnosis),
                SlotAdvice.AdviceOf(diagnosis));
        }

        var (source, target) = Ends(diagnosis);
        var request = MigrateRequest.From(session, options, source, target);
        var most = keys?.Count ?? (first < diagnosis.KeysOnSource ? first : diagnosis.KeysOnSource);
        return PlanOf(diagnosis, "MoveKeys", [new MoveKeys(diagnosis.Slot, source, target, request, most, first is null && keys is null)], options) with { First = first, Keys = keys, Cluster = session };
    }

    private static SlotPlan PlanOf(SlotDiagnosis diagnosis, string operation, IReadOnlyList<SlotAction> actions, MoveOptions options)
    {
        var (source, target) = Ends(diagnosis);
        return new SlotPlan
        {
            Slot = diagnosis.Slot,
            Operation = operation,
            State = diagnosis.State,
            Source = source.Name,
            SourceId = source.Id,
            Target = target.Name,
            TargetId = target.Id,
            KeysOnSource = diagnosis.KeysOnSource,
            KeysOnTarget = diagnosis.KeysOnTarget,
            Options = options,
            Warnings = Warnings(diagnosis, source, target),
            Actions = actions,
        };
    }

    private static List<SlotAction> Actions(SlotDiagnosis diagnosis, RedisClusterSession session, MoveOptions options)
    {
        var (source, target) = Ends(diagnosis);
        var slot = diagnosis.Slot;
        var actions = new List<SlotAction>();
        // Where the slot is already out of the source's hands there is nothing to open and nothing to move.
        if (diagnosis.State is not (RedisOpenSlotState.FinishedOnTarget or RedisOpenSlotState.FinishedOnSource))
        {
            // An importer whose source failed over may take nobody for the owner; it must know whom it imports from.
            if (diagnosis.State == RedisOpenSlotState.SourceFailedOver && target.View!.OwnerOf(slot) != source.Id)
                actions.Add(new CorrectOwner(slot, target, source));
            if (!Has(target.View!.Self.ImportingFrom, slot, source.Id))
                actions.Add(new SetImporting(slot, target, source));
            if (!Has(source.View!.Self.MigratingTo, slot, target.Id))
                actions.Add(new SetMigrating(slot, source, target));
            if (diagnosis.KeysOnSource != 0)
                actions.Add(new MoveKeys(slot, source, target, MigrateRequest.From(session, options, source, target), diagnosis.KeysOnSource));
        }

        if (diagnosis.State != RedisOpenSlotState.FinishedOnTarget)
            actions.Add(new TakeOver(slot, source, target));
        actions.Add(new TellOwner(slot, source, target, IsSource: true));
        actions.AddRange(diagnosis.Situation.View.Masters
            .Where(node => node.IsReachable && node.Id != source.Id && node.Id != target.Id)
            .Select(node => new TellOwner(slot, node, target, IsSource: false)));
        return actions;
    }

    private static void RefuseUnlessCompletable(SlotDiagnosis diagnosis)
    {
        var slot = Number(diagnosis);
        foreach (var end in new[] { diagnosis.Source, diagnosis.Target })
        {
            // A master that does not answer may come back with keys: nothing is decided without it.
            if (end is { IsReachable: false })
            {
                throw new RedisOperationException(
                    FailureCode.NodeUnreachable,
                    "Slot " + slot + " can't be completed while " + end.Name + " does not answer (" + (end.Trouble ?? "no reason known") + ").",
                    end.Name,
                    SlotAdvice.AdviceOf(diagnosis));
            }
        }

        if (!SlotAdvice.CanComplete(diagnosis.State) || diagnosis.Source is null || diagnosis.Target is null)
        {
            throw new RedisOperationException(
                FailureCode.SlotStateUnsuitable,
                "Slot " + slot + " is " + diagnosis.State + (diagnosis.Detail is null ? string.Empty : ": " + diagnosis.Detail)
                    + ". Completing it is not certain to keep every key, so nothing was done.",
                slot,
                SlotAdvice.AdviceOf(diagnosis));
        }

        // Garnet assigns a slot away from a node that still holds keys; those can't be migrated by a node that does not own them.
        if (diagnosis.State == RedisOpenSlotState.FinishedOnSource && diagnosis.KeysOnSource is > 0)
        {
            throw new RedisOperationException(
                FailureCode.SourceNotEmpty,
                "Slot " + slot + " was given away by " + diagnosis.Source.Name + ", which still holds keys of it. Completing it would delete them, so nothing was done.",
                slot,
                "Get-RedisSlotKey -Slot " + slot + " -Node " + diagnosis.Source.Name + " -Detail");
        }

        if (!diagnosis.Target.IsMaster || !diagnosis.Source.IsMaster)
        {
            throw new RedisOperationException(
                FailureCode.SlotStateUnsuitable, "Slot " + slot + " has an end that is not a master now.", slot, "Get-RedisOpenSlot -Slot " + slot);
        }

        if (ReturningImporter(diagnosis) is { } absent)
        {
            throw new RedisOperationException(
                FailureCode.NodeUnreachable,
                "Slot " + slot + " is not completed while " + absent.Name + ", a master that lost its slots, does not answer: if it was the target once, Valkey lets it take the slot, and all"
                    + " that its successor owns, with the keys that it has, when it comes back and the source is through with the slot. Start it now, while the slot is open, or remove it for good with"
                    + " CLUSTER FORGET " + absent.Id + " on every node. Nothing was done.",
                absent.Name,
                "Get-RedisClusterNode");
        }
    }

    // An importer of Valkey 8 and later takes a slot by itself, with an epoch above all others, once the source does not claim it any more.
    // A target that was down while its replica was promoted still imports when it comes back, and may hear of the source before it hears
    // of its successor. While the source claims the slot it becomes a replica as it should.
    private static ClusterNode? ReturningImporter(SlotDiagnosis diagnosis)
    {
        var view = diagnosis.Situation.View;
        return diagnosis.Target!.View!.Facts is { Engine: ServerEngine.Valkey } facts && facts.IsAtLeast(8, 0)
            ? view.Masters.FirstOrDefault(node => !node.IsReachable && view.SlotsOf(node.Id).Count == 0)
            : null;
    }

    private static List<string> Warnings(SlotDiagnosis diagnosis, ClusterNode source, ClusterNode target)
    {
        var warnings = diagnosis.Situation.View.Masters
            .Where(node => !node.IsReachable)
            .Select(node => node.Name + " does not answer; it will learn the new owner when it is back.")
            .ToList();
        var (from, to) = (source.View?.Facts, target.View?.Facts);
        if (from is not null && to is not null && (from.Engine != to.Engine || from.Version != to.Version))
            warnings.Add(source.Name + " runs " + from.Engine + " " + from.Version + ", " + target.Name + " " + to.Engine + " " + to.Version + ": an older target may refuse the payload of a newer source.");
        warnings.AddRange(diagnosis.Situation.Holders
            .Where(node => node.Id != source.Id && node.Id != target.Id)
            .Select(node => node.Name + " also holds keys of the slot, which clients can't see and this leaves alone."));
        return warnings;
    }

    private static (ClusterNode Source, ClusterNode Target) Ends(SlotDiagnosis diagnosis) => (diagnosis.Source!, diagnosis.Target!);

    private static bool Has(IReadOnlyDictionary<int, string> flags, int slot, string peer) =>
        flags.TryGetValue(slot, out var id) && string.Equals(id, peer, StringComparison.Ordinal);

    private static string Number(SlotDiagnosis diagnosis) => diagnosis.Slot.ToString(CultureInfo.InvariantCulture);
}
