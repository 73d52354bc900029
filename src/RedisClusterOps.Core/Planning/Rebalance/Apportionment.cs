using System.Collections.Generic;
using System.Linq;
using System.Numerics;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>A whole divided by weights into whole numbers: by largest remainder, so that the parts always add up to it.</summary>
internal sealed class Apportionment
{
    private readonly long[] _floors;
    private readonly BigInteger[] _remainders;

    /// <param name="whole">What is divided, 0 or more.</param>
    /// <param name="weights">0 or more each, and not all 0.</param>
    public Apportionment(long whole, IReadOnlyList<BigInteger> weights)
    {
        var sum = weights.Aggregate(BigInteger.Zero, (total, weight) => total + weight);
        _floors = new long[weights.Count];
        _remainders = new BigInteger[weights.Count];
        for (var i = 0; i < weights.Count; i++)
            _floors[i] = (long)BigInteger.DivRem(whole * weights[i], sum, out _remainders[i]);
        Left = (int)(whole - _floors.Sum());
    }

    /// <summary>Parts that get one more than their floor: always fewer than there are parts.</summary>
    public int Left { get; }

    /// <summary>The part rounded down.</summary>
    public long Floor(int index) => _floors[index];

    /// <summary>The part rounded up.</summary>
    public long Ceiling(int index) => _floors[index] + (_remainders[index].IsZero ? 0 : 1);

    /// <summary>The parts, the largest remainders rounded up.</summary>
    /// <param name="ties">The order of those whose remainders are the same.</param>
    public IReadOnlyList<long> Parts(IComparer<int> ties)
    {
        var parts = (long[])_floors.Clone();
        var order = Enumerable.Range(0, parts.Length).OrderByDescending(index => _remainders[index]).ThenBy(index => index, ties);
        foreach (var index in order.Take(Left))
            parts[index]++;
        return parts;
    }
}
