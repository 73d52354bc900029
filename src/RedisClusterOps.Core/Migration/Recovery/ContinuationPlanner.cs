using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>Plans the rest of a run that moved whole slots, or its way back. Pure.</summary>
internal sealed class ContinuationPlanner(ClusterView view, MoveMethod method, RedisClusterSession session)
{
    /// <summary>Plans what is left of a run.</summary>
    /// <exception cref="RedisOperationException">NodeNotFound, or why the plan can't be carried out.</exception>
    public RedisRebalancePlan Resume(RedisMigration run)
    {
        var undoes = run.Kind == MigrationOperation.Undo;
        // A later version may have other operations that move whole slots.
        var operation = run.Kind == MigrationOperation.Unknown ? MigrationOperation.Move : run.Kind;
        var left = run.Slots.Where(slot => !slot.IsDone && slot.FinishedBy is null);
        var slots = left.Select(slot => undoes ? (slot.Slot, slot.TargetId!, slot.SourceId!) : (slot.Slot, slot.SourceId!, slot.TargetId!))
            .ToList();
        var forgotten = new ForgottenNodes(view, run, operation, session);
        var again = new NextAction(NextActionCode.Resume) { MigrationId = run.Id };
        var plan = Plan(operation, forgotten.Redirect(slots), run, again);
        return plan with
        {
            Settled = [.. forgotten.Outcomes, .. plan.Settled],
            KeepsEmptyMaster = run.KeepsEmptyMaster,
            SuppressedNodes = run.Slots.SelectMany(slot => slot.SuppressedNodes).Distinct().ToList(),
        };
    }

    /// <summary>Plans to move each slot that a run began with back to its former owner.</summary>
    /// <exception cref="RedisOperationException">NodeNotFound, or why the plan can't be carried out.</exception>
    public RedisRebalancePlan Undo(RedisMigration run)
    {
        var wasUndo = run.Kind == MigrationOperation.Undo;
        var begun = run.Slots.Where(slot => slot.Since is not null)
            .Select(slot => wasUndo ? (slot.Slot, slot.SourceId!, slot.TargetId!) : (slot.Slot, slot.TargetId!, slot.SourceId!));
        var again = new NextAction(NextActionCode.Undo) { MigrationId = run.Id };
        return Plan(wasUndo ? MigrationOperation.Move : MigrationOperation.Undo, begun, run, again);
    }

    /// <summary>Plans to move these slots, or the rest of each if it is partly moved.</summary>
    /// <param name="run">The run that is resumed or undone; null to take every node as it is now.</param>
    /// <param name="again">What to repeat for slots that can't move now.</param>
    /// <exception cref="RedisOperationException">NodeNotFound, or why the plan can't be carried out.</exception>
    public RedisRebalancePlan Plan(
        MigrationOperation operation, IEnumerable<(int Slot, string SourceId, string TargetId)> slots, RedisMigration? run = null,
        NextAction? again = null)
    {
        var planned = slots.ToList();
        // A slot goes where the run says, or nowhere: the master that took the target's last slot does not stand for the target.
        var lost = new HashSet<string>(planned.Select(slot => slot.TargetId).Distinct()
            .Where(id => view.SuccessorOf(id, run?.MasterOfReplica) is null), StringComparer.Ordinal);
        var refused = planned.Where(slot => lost.Contains(slot.TargetId))
            .GroupBy(slot => (slot.SourceId, slot.TargetId), slot => slot.Slot)
            .SelectMany(pair => Refused(operation, pair.Key.SourceId, pair.Key.TargetId, SlotSet.From(pair), run, again)).ToList();
        var transfers = planned.Where(slot => !lost.Contains(slot.TargetId))
            .GroupBy(
                slot => (NodeNames.MasterOf(view, slot.SourceId).Id, view.SuccessorOf(slot.TargetId, run?.MasterOfReplica)!.Id),
                slot => slot.Slot)
            .Select(pair => new SlotTransfer(view.Node(pair.Key.Item1)!, view.Node(pair.Key.Item2)!, SlotSet.From(pair)))
            .OrderByDescending(transfer => transfer.Slots.Count)
            .ThenBy(transfer => transfer.Slots.Ranges[0].First);
        var builder = new RebalancePlanBuilder(view, MasterSlots.Of(view), SlotCounts.None, method, session) { ContinuesRun = true };
        return builder.Build(operation, transfers.ToList()) with { Settled = refused, MasterOfReplica = run?.MasterOfReplica };
    }

    // All slots that came from the same master have one failure, so that it is reported once.
    private IEnumerable<SlotOutcome> Refused(
        MigrationOperation operation, string sourceId, string targetId, SlotSet slots, RedisMigration? run, NextAction? again)
    {
        var owner = view.OwnerOf(slots.Ranges[0].First) is { } id ? view.Node(id)! : NodeNames.MasterOf(view, sourceId);
        var name = run?.Slots.FirstOrDefault(slot => slot.SourceId == targetId)?.Source
            ?? run?.Slots.FirstOrDefault(slot => slot.TargetId == targetId)?.Target ?? targetId;
        var failure = WayBack.Refusal(view, slots, owner, targetId, name, again ?? new NextAction(NextActionCode.Resume));
        var result = new RedisSlotMigrationResult
        {
            Operation = operation.ToString(),
            Outcome = MigrationOutcome.Failed,
            Source = owner.Name,
            SourceId = owner.Id,
            Target = view.Node(targetId)?.Name ?? name,
            TargetId = targetId,
            Reason = failure.Message,
            Cluster = session,
        };
        return slots.Slots.Select(slot => new SlotOutcome(result with { Slot = slot }, failure));
    }
}

/// <summary>
/// The slots of an interrupted run whose source or target has left the cluster, as a dead node does that was forgotten. The nodes dropped
/// its flags then.
/// </summary>
internal sealed class ForgottenNodes(ClusterView view, RedisMigration run, MigrationOperation operation, RedisClusterSession session)
{
    /// <summary>The outcome of each slot that is settled. Slots that fail for the same reason share one failure.</summary>
    public IReadOnlyList<SlotOutcome> Outcomes { get; private set; } = [];

    /// <summary>
    /// The slots that can still be moved. If only the source has left, the present owner of a slot is its source. The others have an
    /// outcome afterwards.
    /// </summary>
    public IReadOnlyList<(int Slot, string SourceId, string TargetId)> Redirect(IReadOnlyList<(int Slot, string From, string To)> slots)
    {
        var movable = new List<(int, string, string)>();
        var left = new List<(int Slot, string From, string To, string? Owner)>();
        foreach (var (slot, from, to) in slots)
        {
            var owner = view.ContestedClaims.ContainsKey(slot) ? null : view.OwnerOf(slot);
            var hasTarget = view.ShardMaster(to) is not null;
            if (hasTarget && view.ShardMaster(from) is not null)
                movable.Add((slot, from, to));
            else if (hasTarget && owner is not null && owner != view.ShardMaster(to)!.Id && !view.FlagsOf(slot).Any())
                movable.Add((slot, owner, to));
            else
                left.Add((slot, from, to, view.FlagsOf(slot).Any() ? null : owner));
        }

        Outcomes = left.GroupBy(slot => (slot.From, slot.To, slot.Owner)).SelectMany(group => OutcomesOf(
            SlotSet.From(group.Select(slot => slot.Slot)), group.Key.From, group.Key.To, group.Key.Owner)).ToList();
        return movable;
    }

    private IEnumerable<SlotOutcome> OutcomesOf(SlotSet slots, string from, string to, string? owner)
    {
        var gone = view.ShardMaster(to) is null ? to : from;
        var has = PlanRefusal.SlotsAre(slots);
        var why = NameOf(gone) + " has left the cluster.";
        var result = new RedisSlotMigrationResult
        {
            Operation = operation.ToString(),
            Source = NameOf(from),
            SourceId = from,
            Target = NameOf(to),
            TargetId = to,
            MigrationId = run.Id,
            Cluster = session,
        };
        // The slot is where it was to go, or stays where it is. Only an undo fails then: it promises the former owner.
        var isDone = owner is not null && (view.ShardMaster(to)?.Id == owner || operation != MigrationOperation.Undo);
        if (isDone)
        {
            result = result with { Outcome = MigrationOutcome.Skipped, Reason = "It stays on " + NameOf(owner!) + ": " + why };
            return slots.Slots.Select(slot => new SlotOutcome(result with { Slot = slot }, null));
        }

        var failure = owner is null
            ? new RedisOperationException(
                FailureCode.SlotStateUnsuitable,
                has + " without an owner, or open: " + why,
                slots.ToString(),
                new NextAction(NextActionCode.Repair))
            : new RedisOperationException(
                FailureCode.NodeNotFound,
                has + " on " + NameOf(owner) + " and can't return to the former owner: " + why,
                slots.ToString(),
                new NextAction(NextActionCode.MoveSlots) { Slots = slots.ToString(), Target = "<master>" });
        result = result with { Outcome = MigrationOutcome.Failed, Reason = failure.Message };
        return slots.Slots.Select(slot => new SlotOutcome(result with { Slot = slot }, failure));
    }

    private string NameOf(string id) => view.Node(id)?.Name
        ?? run.Slots.Select(slot => slot.SourceId == id ? slot.Source : slot.TargetId == id ? slot.Target : null)
            .FirstOrDefault(name => name is not null)
        ?? id;
}
