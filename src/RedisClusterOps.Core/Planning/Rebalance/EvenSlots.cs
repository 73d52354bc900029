using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Makes the numbers of slots fit the weights, by moving as few as that takes.</summary>
internal static class EvenSlots
{
    /// <param name="masters">All masters, by id.</param>
    /// <param name="weights">Theirs, in the same order.</param>
    /// <param name="threshold">Percent.</param>
    /// <returns>Nothing where no master is off by more than the threshold; else what brings every master to its exact number.</returns>
    public static IReadOnlyList<SlotTransfer> Plan(IReadOnlyList<MasterSlots> masters, IReadOnlyList<NodeWeight> weights, decimal threshold)
    {
        var shares = new Apportionment(masters.Sum(master => master.Slots.Count), weights.Select(weight => weight.Scaled).ToList());
        // Of equal claims to a slot that is left over, that of a master who has it already: it need not move. Then by id, as the masters are in order.
        var expected = shares.Parts(Comparer<int>.Create((a, b) => HasMore(b).CompareTo(HasMore(a)) is var more and not 0 ? more : a.CompareTo(b)));
        return Enumerable.Range(0, masters.Count).Any(IsOver) ? Match(masters, expected) : [];

        bool HasMore(int index) => masters[index].Slots.Count > shares.Floor(index);

        bool IsOver(int index)
        {
            var slots = masters[index].Slots.Count;
            if (weights[index].Said == 0)
                return slots > 0;
            if (threshold == 0)
                return slots != expected[index];
            // A master has what it should while it has the number rounded down, or up: to ask for more would move slots to and fro.
            var near = slots < shares.Floor(index) ? shares.Floor(index) : slots > shares.Ceiling(index) ? shares.Ceiling(index) : slots;
            return slots == 0 ? near > 1 : 100m * System.Math.Abs(slots - near) > threshold * slots;
        }
    }

    // The biggest giver with the biggest receiver: the fewest pairs, and each slot moves once.
    private static List<SlotTransfer> Match(IReadOnlyList<MasterSlots> masters, IReadOnlyList<long> expected)
    {
        var givers = Sorted(index => masters[index].Slots.Count - (int)expected[index]);
        var receivers = Sorted(index => (int)expected[index] - masters[index].Slots.Count);
        var transfers = new List<SlotTransfer>();
        var (giver, receiver, given, received) = (0, 0, 0, 0);
        while (giver < givers.Count && receiver < receivers.Count)
        {
            var (source, gives) = givers[giver];
            var (target, takes) = receivers[receiver];
            var count = System.Math.Min(gives - given, takes - received);
            transfers.Add(new SlotTransfer(masters[source].Node, masters[target].Node, SlotSet.From(masters[source].Slots.Skip(given).Take(count))));
            given += count;
            received += count;
            if (given == gives)
                (giver, given) = (giver + 1, 0);
            if (received == takes)
                (receiver, received) = (receiver + 1, 0);
        }

        return transfers;

        List<(int Index, int Count)> Sorted(System.Func<int, int> count) =>
            Enumerable.Range(0, masters.Count).Select(index => (index, Count: count(index))).Where(one => one.Count > 0).OrderByDescending(one => one.Count).ThenBy(one => one.index).ToList();
    }
}
