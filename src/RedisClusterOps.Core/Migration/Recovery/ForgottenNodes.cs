using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps.Migration.Recovery;

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
