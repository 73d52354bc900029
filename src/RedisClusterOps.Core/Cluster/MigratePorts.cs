using System;
using System.Collections.Generic;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Which port of each node a source's MIGRATE has to dial, where that is not the port that our own connection is told.</summary>
/// <remarks>
/// MIGRATE speaks TLS exactly where its node has <c>tls-cluster yes</c> (connTypeOfCluster in src/cluster.c). CLUSTER NODES tells the ports of the kind of
/// connection that asks, and only CLUSTER SHARDS tells both.
/// </remarks>
internal static class MigratePorts
{
    public static readonly RespCommand AskTlsCluster = RespCommand.Of("CONFIG", "GET", "tls-cluster");

    /// <summary>Whether the node's MIGRATE speaks TLS; null where the node does not say. A server that was built without TLS has no such setting.</summary>
    public static bool? SpeaksTls(RespValue reply, ServerFacts facts) => reply.IsError ? null
        : reply.Items.Count == 0 ? facts.Engine is ServerEngine.Redis or ServerEngine.Valkey ? false : null
        : reply.Items[reply.Items.Count - 1].Text switch
        {
            "yes" => true,
            "no" => false,
            _ => null,
        };

    /// <summary>By node id. A node without such a port is not in it, and where the server does not tell, nobody is.</summary>
    public static IReadOnlyDictionary<string, int> Parse(RespValue shards, bool tls)
    {
        var ports = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (id, _, port) in ClusterShards.NodesOf(shards, tls))
            ports[id] = port;
        return ports;
    }
}
