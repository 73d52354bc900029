using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>CLUSTER SHARDS of Redis 7.0, Valkey and later: the only reply that tells both ports of a node, and where clients are told to go.</summary>
internal static class ClusterShards
{
    public static readonly RespCommand Ask = RespCommand.Of("CLUSTER", "SHARDS");

    /// <param name="reply">Of each shard its slots and nodes, each node as names and values in turn; an error has none.</param>
    /// <param name="tls">Which of two ports.</param>
    /// <returns>The nodes that have such a port.</returns>
    public static IEnumerable<(string Id, RespValue Node, int Port)> NodesOf(RespValue reply, bool tls)
    {
        foreach (var node in reply.IsError ? [] : reply.Items.SelectMany(shard => shard.Field("nodes")?.Items ?? []))
        {
            if (node.Field("id") is { } id && node.Field(tls ? "tls-port" : "port") is { } port
                && int.TryParse(port.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 65535)
                yield return (id.Text, node, number);
        }
    }
}
