using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>
/// How many slots redis-cli's rebalance moves, by its own arithmetic: expected numbers are rounded down in single precision, and the rest
/// goes to masters that are not above theirs.
/// </summary>
internal static class RedisCliModel
{
    private const int All = 16384;

    /// <param name="slots">Of each master in the order in which redis-cli knows them; the answer does not depend on it.</param>
    /// <param name="weights">Null for weights of 1.</param>
    public static int SlotsMoved(IReadOnlyList<int> slots, IReadOnlyList<double?> weights, bool useEmptyMasters, double threshold)
    {
        var involved = Enumerable.Range(0, slots.Count).Where(index => useEmptyMasters || slots[index] > 0).ToList();
        var total = involved.Aggregate(0f, (sum, index) => sum + Weight(index));
        var expected = involved.Select(index => (int)(All / total * Weight(index))).ToList();
        var over = involved.Where((index, i) => slots[index] > 0
            ? (float)Math.Abs(100 - 100.0 * expected[i] / slots[index]) > (float)threshold : expected[i] > 1).Any();
        if (!over || threshold <= 0)
            return 0;
        var balances = involved.Select((index, i) => slots[index] - expected[i]).ToArray();
        var left = balances.Sum();
        while (left > 0 && balances.Any(balance => balance <= 0))
        {
            for (var i = 0; i < balances.Length && left > 0; i++)
            {
                if (balances[i] > 0)
                    continue;
                balances[i]--;
                left--;
            }
        }

        return Moved([.. balances.Order()]);

        float Weight(int index) => (float)(weights[index] ?? 1);
    }

    // From both ends: the largest deficit is matched with the largest surplus.
    private static int Moved(int[] balances)
    {
        var (receiver, giver, moved) = (0, balances.Length - 1, 0);
        while (receiver < giver)
        {
            var count = Math.Min(Math.Abs(balances[receiver]), Math.Abs(balances[giver]));
            moved += count;
            balances[receiver] += count;
            balances[giver] -= count;
            if (balances[receiver] == 0)
                receiver++;
            if (balances[giver] == 0)
                giver--;
        }

        return moved;
    }
}
