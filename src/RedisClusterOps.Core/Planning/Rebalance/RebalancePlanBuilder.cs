using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Checks transfers and builds the plan that the user sees, with the slots of each master before and after.</summary>
internal sealed class RebalancePlanBuilder(
    ClusterView view, IReadOnlyList<MasterSlots> masters, SlotCounts counts, MoveMethod method, RedisClusterSession session)
{
    /// <summary>What is evened out. The shares are percentages of it.</summary>
    public RebalanceMeasure By { get; init; }

    /// <summary>The weights of the masters, in the same order; null if the plan does not use weights.</summary>
    public IReadOnlyList<NodeWeight>? Weights { get; init; }

    /// <summary>True if the plan resumes or undoes a run, whose own slots may be open.</summary>
    public bool ContinuesRun { get; init; }

    /// <exception cref="RedisOperationException">NodeUnreachable, SlotStateUnsuitable, InvalidArgument or PermissionDenied.</exception>
    public RedisRebalancePlan Build(MigrationOperation operation, IReadOnlyList<SlotTransfer> transfers)
    {
        PlanRefusal.RequireHealthyEnds(view, transfers);
        if (!ContinuesRun)
            PlanRefusal.RequireClosed(view, transfers);
        var choice = new MoveMethodChoice(view, method);
        var moves = transfers.Select(transfer => new RedisSlotMove
        {
            Source = transfer.Source.Name,
            SourceId = transfer.Source.Id,
            Target = transfer.Target.Name,
            TargetId = transfer.Target.Id,
            Ranges = transfer.Slots.Ranges,
            EstimatedKeys = Sum(transfer.Slots.Slots, counts.Keys),
            EstimatedBytes = Sum(transfer.Slots.Slots, counts.Bytes),
            DecidedMethod = choice.Choose(transfer),
        }).ToList();
        return new RedisRebalancePlan
        {
            Kind = operation,
            Moves = moves,
            Before = Shares(masters.Select(master => SlotSet.From(master.Slots)).ToList()),
            After = Shares(SlotsAfter(transfers)),
            Fingerprint = view.Fingerprint,
            CreatedAt = view.TakenAtUtc,
            Findings = [.. choice.Findings, .. Emptied(operation, transfers)],
            Cluster = session,
            ContinuesRun = ContinuesRun,
        };
    }

    // A plan does not read settings. The check before a run does, and replaces the finding.
    private IEnumerable<PlanFinding> Emptied(MigrationOperation operation, IReadOnlyList<SlotTransfer> transfers)
    {
        if (ContinuesRun || operation == MigrationOperation.Undo)
            return [];
        return masters
            .Where(master => master.Slots.Count > 0 && master.Node.View?.Facts.Engine != ServerEngine.Garnet)
            .Select(master => (master.Node.Name, master.Slots, Taken: transfers.Where(each => each.Source.Id == master.Node.Id).ToList()))
            .Where(master => master.Taken.Sum(transfer => transfer.Slots.Count) == master.Slots.Count)
            .Select(master => PlanRefusal.BecomesReplica(
                master.Name,
                master.Name + " hands over its last slot. Unless cluster-allow-replica-migration is no, it then becomes a replica of "
                    + (master.Taken.Count == 1 ? master.Taken[0].Target.Name : "the master that takes it") + "."));
    }

    private List<SlotSet> SlotsAfter(IReadOnlyList<SlotTransfer> transfers)
    {
        var leaving = new bool[HashSlot.Count];
        foreach (var slot in transfers.SelectMany(transfer => transfer.Slots.Slots))
            leaving[slot] = true;
        var arriving = transfers.ToLookup(transfer => transfer.Target.Id, transfer => transfer.Slots, StringComparer.Ordinal);
        return masters.Select(After).ToList();

        SlotSet After(MasterSlots master) =>
            SlotSet.From(master.Slots.Where(slot => !leaving[slot]).Concat(arriving[master.Node.Id].SelectMany(slots => slots.Slots)));
    }

    // In the same order as nodes are listed everywhere: by endpoint.
    private List<RedisNodeShare> Shares(IReadOnlyList<SlotSet> owned)
    {
        var shares = masters.Select((master, index) => new RedisNodeShare
        {
            Node = master.Node.Name,
            Id = master.Node.Id,
            SlotCount = owned[index].Count,
            Ranges = owned[index].Ranges,
            Keys = Sum(owned[index].Slots, counts.Keys),
            Bytes = Sum(owned[index].Slots, counts.Bytes),
            Load = By is RebalanceMeasure.Cpu or RebalanceMeasure.Network ? Sum(owned[index].Slots, counts.Load) : null,
            Weight = Weights is null ? null : (double)Weights[index].Value,
        }).ToList();
        var all = shares.Sum(share => Measured(share) ?? 0);
        return masters.Select((master, index) => (master.Node, Share: shares[index] with { Share = Percent(shares[index], all) }))
            .OrderBy(one => one.Node.Announced is null).ThenBy(one => one.Node.Announced).ThenBy(one => one.Node.Id, StringComparer.Ordinal)
            .Select(one => one.Share).ToList();
    }

    private double Percent(RedisNodeShare share, long all) => all == 0 ? 0 : (double)Math.Round(100m * (Measured(share) ?? 0) / all, 2);

    private long? Measured(RedisNodeShare share) => By switch
    {
        RebalanceMeasure.Keys => share.Keys,
        RebalanceMeasure.Memory => share.Bytes,
        RebalanceMeasure.Cpu or RebalanceMeasure.Network => share.Load,
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

/// <summary>Slots that move from one master to another.</summary>
internal sealed record SlotTransfer(ClusterNode Source, ClusterNode Target, SlotSet Slots);

/// <summary>A master and the slots that it owns, lowest first.</summary>
internal sealed record MasterSlots(ClusterNode Node, IReadOnlyList<int> Slots)
{
    /// <summary>All masters, by id. A node that is still in handshake is not one yet.</summary>
    public static IReadOnlyList<MasterSlots> Of(ClusterView view)
    {
        var owned = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        // Neighbours mostly have the same owner, so most lookups are avoided.
        var (last, slots) = ((string?)null, new List<int>());
        for (var slot = 0; slot < HashSlot.Count; slot++)
        {
            if (view.OwnerOf(slot) is not { } owner)
                continue;
            if (!ReferenceEquals(owner, last) && !owned.TryGetValue(owner, out slots!))
                owned[owner] = slots = [];
            last = owner;
            slots.Add(slot);
        }

        return view.Nodes
            .Where(node => owned.ContainsKey(node.Id) || (node.IsMaster && node.State != RedisNodeState.Handshake))
            .OrderBy(node => node.Announced is null).ThenBy(node => node.Announced).ThenBy(node => node.Id, StringComparer.Ordinal)
            .Select(node => new MasterSlots(node, owned.TryGetValue(node.Id, out var own) ? own : []))
            .ToList();
    }
}
