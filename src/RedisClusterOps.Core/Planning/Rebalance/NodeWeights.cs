using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Numerics;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>A weight as a person wrote it, and as a whole number that all weights of a plan share the scale of.</summary>
internal readonly record struct NodeWeight(decimal Said, BigInteger Scaled);

/// <summary>From the weights that a person gave to one for every master.</summary>
internal static class NodeWeights
{
    // A decimal has 28 digits; a weight beyond these is a slip of the pen, and one that a decimal would round to 0 would drain its node.
    private const double Least = 1e-9;
    private const double Most = 1e9;

    /// <summary>One for each holding, in their order.</summary>
    /// <exception cref="RedisOperationException">InvalidArgument, NodeNotFound or AmbiguousNode; the message names the weight.</exception>
    public static IReadOnlyList<NodeWeight> Read(ClusterView view, IReadOnlyList<MasterSlots> masters, RebalanceOptions options, Func<NodeEndpoint, NodeEndpoint> reach)
    {
        var named = new Dictionary<string, (string Name, decimal Weight)>(StringComparer.Ordinal);
        foreach (var pair in options.Weights.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var weight = Read(pair.Key, pair.Value);
            var node = NodeNames.Find(view, pair.Key, reach);
            if (masters.All(master => master.Node.Id != node.Id))
                throw Invalid(NoMaster(view, node), node.Name, "Get-RedisClusterNode -Role Master");
            if (named.TryGetValue(node.Id, out var before))
                throw Invalid("'" + Shown(before.Name) + "' and '" + Shown(pair.Key) + "' are the same node, " + node.Name + ", and it can have one weight only.", node.Name, "Get-RedisClusterNode -Role Master");
            named[node.Id] = (pair.Key, weight);
        }

        var said = masters.Select(master => named.TryGetValue(master.Node.Id, out var given) ? given.Weight : master.Slots.Count > 0 || options.UseEmptyMaster ? 1m : 0m).ToList();
        if (said.All(weight => weight == 0))
            throw Invalid("Every master has weight 0, so none could take the slots.", null, "the same command with a weight above 0 for one master at least");
        var scale = said.Max(ScaleOf);
        return said.Select(weight => new NodeWeight(weight, Scaled(weight, scale))).ToList();
    }

    private static decimal Read(string name, double weight)
    {
        if (double.IsNaN(weight) || weight < 0 || weight > Most || (weight > 0 && weight < Least))
        {
            throw Invalid(
                "The weight of '" + Shown(name) + "' is " + weight.ToString("R", CultureInfo.InvariantCulture) + "; a weight is 0, or a number from 0.000000001 to 1000000000.", name,
                "the same command with another weight for that node");
        }

        return (decimal)weight;
    }

    private static string NoMaster(ClusterView view, ClusterNode node) => node.Name + (view.ShardMaster(node.Id) is { } master && master.Id != node.Id
        ? " is a replica of " + master.Name + ", and only masters own slots: give the weight to that one."
        : " is no master, and only masters own slots.");

    private static int ScaleOf(decimal weight) => (decimal.GetBits(weight)[3] >> 16) & 0xFF;

    // Exact: the digits as they stand, moved to the left until none is behind the point.
    private static BigInteger Scaled(decimal weight, int scale)
    {
        var bits = decimal.GetBits(weight);
        var digits = ((BigInteger)(uint)bits[2] << 64) | ((BigInteger)(uint)bits[1] << 32) | (uint)bits[0];
        return digits * BigInteger.Pow(10, scale - ScaleOf(weight));
    }

    private static string Shown(string name) => Printable.Clean(name, 80);

    private static RedisOperationException Invalid(string message, string? subject, string next) => new(FailureCode.InvalidArgument, message, subject, next);
}
