using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Numerics;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>The weight of a master.</summary>
/// <param name="Value">The weight as the user specified it.</param>
/// <param name="Scaled">The same as an integer. All weights of a plan share one scale.</param>
internal readonly record struct NodeWeight(decimal Value, BigInteger Scaled);

/// <summary>Completes the weights that the user specified to one for every master.</summary>
internal static class NodeWeights
{
    // A decimal has 28 digits. A weight outside this range is a mistake, and one that a decimal rounds to 0 would drain its node.
    private const double Least = 1e-9;
    private const double Most = 1e9;

    /// <returns>One weight for each master, in the same order.</returns>
    /// <exception cref="RedisOperationException">InvalidArgument, NodeNotFound or AmbiguousNode; the message names the weight.</exception>
    public static IReadOnlyList<NodeWeight> Read(
        ClusterView view, IReadOnlyList<MasterSlots> masters, RebalanceOptions options, Func<NodeEndpoint, NodeEndpoint> mapAddress)
    {
        var named = new Dictionary<string, (string Name, decimal Weight)>(StringComparer.Ordinal);
        foreach (var pair in options.Weights.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var weight = Read(pair.Key, pair.Value);
            var node = NodeNames.Find(view, pair.Key, mapAddress);
            if (masters.All(master => master.Node.Id != node.Id))
                throw PlanRefusal.Invalid(NoMaster(view, node), node.Name, new NextAction(NextActionCode.ShowMasters));
            if (named.TryGetValue(node.Id, out var before))
            {
                throw PlanRefusal.Invalid(
                    "'" + Shown(before.Name) + "' and '" + Shown(pair.Key) + "' are the same node, " + node.Name
                        + ". A node can have only one weight.",
                    node.Name,
                    new NextAction(NextActionCode.ShowMasters));
            }

            named[node.Id] = (pair.Key, weight);
        }

        var weights = masters.Select(WeightOf).ToList();
        if (weights.All(weight => weight == 0))
        {
            throw PlanRefusal.Invalid(
                "Every master has weight 0, so none could take over the slots.",
                null,
                NextAction.Advise("Specify a weight above 0 for at least one master."));
        }

        var scale = weights.Max(ScaleOf);
        return weights.Select(weight => new NodeWeight(weight, Scaled(weight, scale))).ToList();

        decimal WeightOf(MasterSlots master) => named.TryGetValue(master.Node.Id, out var specified) ? specified.Weight
            : master.Slots.Count > 0 || options.UseEmptyMaster ? 1m
            : 0m;
    }

    private static decimal Read(string name, double weight)
    {
        if (double.IsNaN(weight) || weight < 0 || weight > Most || (weight > 0 && weight < Least))
        {
            throw PlanRefusal.Invalid(
                "The weight of '" + Shown(name) + "' is " + weight.ToString("R", CultureInfo.InvariantCulture)
                    + ". A weight is 0, or a number from 0.000000001 to 1000000000.",
                name,
                NextAction.Advise("Specify another weight for that node."));
        }

        return (decimal)weight;
    }

    private static string NoMaster(ClusterView view, ClusterNode node) =>
        view.ShardMaster(node.Id) is { } master && master.Id != node.Id
            ? node.Name + " is a replica of " + master.Name + ". Only masters own slots: specify the weight for its master."
            : node.Name + " is not a master. Only masters own slots.";

    private static int ScaleOf(decimal weight) => (decimal.GetBits(weight)[3] >> 16) & 0xFF;

    // Exact: shifts the digits to the left until none is behind the decimal point.
    private static BigInteger Scaled(decimal weight, int scale)
    {
        var bits = decimal.GetBits(weight);
        var digits = ((BigInteger)(uint)bits[2] << 64) | ((BigInteger)(uint)bits[1] << 32) | (uint)bits[0];
        return digits * BigInteger.Pow(10, scale - ScaleOf(weight));
    }

    private static string Shown(string name) => Printable.Clean(name, 80);
}

/// <summary>Divides a whole into integer parts by weights, using the largest remainders. The parts add up to the whole.</summary>
internal sealed class Apportionment
{
    private readonly long[] _floors;
    private readonly BigInteger[] _remainders;

    /// <param name="whole">The whole, 0 or more.</param>
    /// <param name="weights">Each 0 or more; at least one above 0.</param>
    public Apportionment(long whole, IReadOnlyList<BigInteger> weights)
    {
        var sum = weights.Aggregate(BigInteger.Zero, (total, weight) => total + weight);
        _floors = new long[weights.Count];
        _remainders = new BigInteger[weights.Count];
        for (var i = 0; i < weights.Count; i++)
            _floors[i] = (long)BigInteger.DivRem(whole * weights[i], sum, out _remainders[i]);
        Left = (int)(whole - _floors.Sum());
    }

    /// <summary>How many parts are rounded up.</summary>
    public int Left { get; }

    /// <summary>The part, rounded down.</summary>
    public long Floor(int index) => _floors[index];

    /// <summary>The part, rounded up.</summary>
    public long Ceiling(int index) => _floors[index] + (_remainders[index].IsZero ? 0 : 1);

    /// <summary>The parts; those with the largest remainders are rounded up.</summary>
    /// <param name="ties">The order of parts with equal remainders.</param>
    public IReadOnlyList<long> Parts(IComparer<int> ties)
    {
        var parts = (long[])_floors.Clone();
        var order = Enumerable.Range(0, parts.Length).OrderByDescending(index => _remainders[index]).ThenBy(index => index, ties);
        foreach (var index in order.Take(Left))
            parts[index]++;
        return parts;
    }
}
