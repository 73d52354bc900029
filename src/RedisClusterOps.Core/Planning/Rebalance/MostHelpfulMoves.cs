using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Chooses the moves of a plan that even out most, for a plan that may move only some slots.</summary>
internal static class MostHelpfulMoves
{
    /// <param name="transfers">The whole plan.</param>
    /// <param name="most">The most slots to move.</param>
    /// <param name="load">What a slot counts, 0 or more; 1 to even out the numbers of slots.</param>
    /// <returns>At most that many slots: each time the heaviest slot of the pair whose ends are farthest from their shares.</returns>
    public static IReadOnlyList<SlotTransfer> Choose(IReadOnlyList<SlotTransfer> transfers, int most, Func<int, long> load)
    {
        if (transfers.Sum(transfer => transfer.Slots.Count) <= most)
            return transfers;
        // How far each master is from its share: what still has to leave or to arrive.
        var distance = new Dictionary<string, long>(StringComparer.Ordinal);
        var waiting = transfers
            .Select(transfer => new Queue<int>(transfer.Slots.Slots.OrderByDescending(load).ThenBy(slot => slot))).ToList();
        foreach (var transfer in transfers)
        {
            var sum = transfer.Slots.Slots.Sum(load);
            Change(transfer.Source, sum);
            Change(transfer.Target, sum);
        }

        var chosen = transfers.Select(_ => new List<int>()).ToList();
        for (var moved = 0; moved < most; moved++)
        {
            var best = Enumerable.Range(0, transfers.Count).Where(index => waiting[index].Count > 0)
                .OrderByDescending(index => load(waiting[index].Peek()))
                .ThenByDescending(index => distance[transfers[index].Source.Id] + distance[transfers[index].Target.Id])
                .ThenBy(index => index).First();
            var slot = waiting[best].Dequeue();
            chosen[best].Add(slot);
            Change(transfers[best].Source, -load(slot));
            Change(transfers[best].Target, -load(slot));
        }

        return transfers.Select((transfer, index) => transfer with { Slots = SlotSet.From(chosen[index]) })
            .Where(transfer => transfer.Slots.Count > 0).ToList();

        void Change(ClusterNode node, long by) =>
            distance[node.Id] = (distance.TryGetValue(node.Id, out var known) ? known : 0) + by;
    }
}
