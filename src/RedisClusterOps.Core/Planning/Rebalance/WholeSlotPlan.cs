using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>From transfers to the plan that a person sees: checked, with what each master has before and after.</summary>
internal sealed class WholeSlotPlan(ClusterView view, IReadOnlyList<Holding> masters, SlotCounts counts, MoveMethod method, RedisClusterSession session)
{
    /// <summary>What is made even; it is what the shares are of.</summary>
    public RebalanceMeasure By { get; init; }

    /// <summary>Those of the masters, in their order; null where the plan does not go by weights.</summary>
    public IReadOnlyList<NodeWeight>? Weights { get; init; }

    /// <summary>True where a run is gone on with or undone: then its own slots may be open.</summary>
    public bool GoesOn { get; init; }

    /// <exception cref="RedisOperationException">NodeUnreachable, SlotStateUnsuitable, or InvalidArgument where the method asked for is not to be had.</exception>
    public RedisRebalancePlan Of(MigrationOperation operation, IReadOnlyList<SlotTransfer> transfers)
    {
        PlanRefusal.RequireWellEnds(transfers);
        if (!GoesOn)
            PlanRefusal.RequireClosed(view, transfers);
        var mechanism = new MoveMechanism(view, method);
        var moves = transfers.Select(transfer => new RedisSlotMove
        {
            Source = transfer.Source.Name,
            SourceId = transfer.Source.Id,
            Target = transfer.Target.Name,
            TargetId = transfer.Target.Id,
            SlotRanges = transfer.Slots.Ranges,
            EstimatedKeys = Sum(transfer.Slots.Slots, counts.Keys),
            EstimatedBytes = Sum(transfer.Slots.Slots, counts.Bytes),
            DecidedMethod = mechanism.Choose(transfer),
        }).ToList();
        return new RedisRebalancePlan
        {
            Kind = operation,
            Moves = moves,
            Before = Shares(masters.Select(master => SlotSet.From(master.Slots)).ToList()),
            After = Shares(SlotsAfter(transfers)),
            Fingerprint = view.Fingerprint,
            CreatedAt = view.TakenAtUtc,
            Findings = mechanism.Findings,
            Cluster = session,
            GoesOn = GoesOn,
        };
    }

    private List<SlotSet> SlotsAfter(IReadOnlyList<SlotTransfer> transfers)
    {
        var gone = new bool[HashSlot.Count];
        foreach (var slot in transfers.SelectMany(transfer => transfer.Slots.Slots))
            gone[slot] = true;
        var come = transfers.ToLookup(transfer => transfer.Target.Id, transfer => transfer.Slots, StringComparer.Ordinal);
        return masters.Select(master => SlotSet.From(master.Slots.Where(slot => !gone[slot]).Concat(come[master.Node.Id].SelectMany(slots => slots.Slots)))).ToList();
    }

    // In the order in which nodes are listed everywhere.
    private List<RedisNodeShare> Shares(IReadOnlyList<SlotSet> owned)
    {
        var shares = masters.Select((master, index) => new RedisNodeShare
        {
            Node = master.Node.Name,
            Id = master.Node.Id,
            SlotCount = owned[index].Count,
            SlotRanges = owned[index].Ranges,
            Keys = Sum(owned[index].Slots, counts.Keys),
            Bytes = Sum(owned[index].Slots, counts.Bytes),
            Weight = Weights is null ? null : (double)Weights[index].Said,
        }).ToList();
        var all = shares.Sum(share => Measured(share) ?? 0);
        return masters.Select((master, index) => (master.Node, Share: shares[index] with { Share = all == 0 ? 0 : (double)Math.Round(100m * (Measured(shares[index]) ?? 0) / all, 2) }))
            .OrderBy(one => one.Node.Announced is null).ThenBy(one => one.Node.Announced).ThenBy(one => one.Node.Id, StringComparer.Ordinal)
            .Select(one => one.Share).ToList();
    }

    private long? Measured(RedisNodeShare share) => By switch
    {
        RebalanceMeasure.Keys => share.Keys,
        RebalanceMeasure.Memory => share.Bytes,
        _ => share.SlotCount,
    };

    private static long? Sum(IEnumerable<int> slots, Func<int, long?> count)
    {
        var sum = 0L;
        foreach (var slot in slots)
        {
            if (count(slot) is not { } known)
                return null;
            sum += known;
        }

        return sum;
    }
}
