using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Evens out the numbers of slots by the weights, with as few moves as possible.</summary>
internal static class EvenSlots
{
    /// <param name="masters">All masters, by id.</param>
    /// <param name="weights">Their weights, in the same order.</param>
    /// <param name="threshold">Percent.</param>
    /// <returns>Nothing if no master is off by more than the threshold; otherwise what brings every master to its exact number.</returns>
    public static IReadOnlyList<SlotTransfer> Plan(IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, decimal threshold)
    {
        var shares = new Apportionment(masters.Sum(master => master.Slots.Count), weights.Select(weight => weight.Scaled).ToList());
        // If two masters have an equal claim to a remaining slot, one that already has it keeps it. Otherwise the order of ids decides.
        var ties = Comparer<int>.Create((a, b) => HasMore(b).CompareTo(HasMore(a)) is var more and not 0 ? more : a.CompareTo(b));
        var expected = shares.Parts(ties);
        return Enumerable.Range(0, masters.Count).Any(IsOver) ? Match(masters, expected) : [];

        bool HasMore(int index) => masters[index].Slots.Count > shares.Floor(index);

        bool IsOver(int index)
        {
            var slots = masters[index].Slots.Count;
            if (weights[index].Value == 0)
                return slots > 0;
            if (threshold == 0)
                return slots != expected[index];
            // The share rounded down and the share rounded up are both correct. Insisting on one of them would move slots back and forth.
            var near = Math.Min(Math.Max(slots, shares.Floor(index)), shares.Ceiling(index));
            return slots == 0 ? near > 1 : 100m * Math.Abs(slots - near) > threshold * slots;
        }
    }

    // Pairs the largest surplus with the largest deficit: the fewest pairs, and each slot moves once.
    private static List<SlotTransfer> Match(IReadOnlyList<MasterSlots> masters, IReadOnlyList<long> expected)
    {
        var givers = Sorted(index => masters[index].Slots.Count - (int)expected[index]);
        var receivers = Sorted(index => (int)expected[index] - masters[index].Slots.Count);
        var transfers = new List<SlotTransfer>();
        var (giver, receiver, sent, received) = (0, 0, 0, 0);
        while (giver < givers.Count && receiver < receivers.Count)
        {
            var (source, surplus) = givers[giver];
            var (target, deficit) = receivers[receiver];
            var count = Math.Min(surplus - sent, deficit - received);
            var slots = SlotSet.From(masters[source].Slots.Skip(sent).Take(count));
            transfers.Add(new SlotTransfer(masters[source].Node, masters[target].Node, slots));
            sent += count;
            received += count;
            if (sent == surplus)
                (giver, sent) = (giver + 1, 0);
            if (received == deficit)
                (receiver, received) = (receiver + 1, 0);
        }

        return transfers;

        List<(int Index, int Count)> Sorted(Func<int, int> count) => Enumerable.Range(0, masters.Count)
            .Select(index => (index, Count: count(index)))
            .Where(one => one.Count > 0)
            .OrderByDescending(one => one.Count).ThenBy(one => one.index)
            .ToList();
    }
}
