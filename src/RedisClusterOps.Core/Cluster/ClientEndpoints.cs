using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Where clients are told to go, which need not be where nodes find each other: <c>cluster-preferred-endpoint-type</c> of Redis 7.0, Valkey and later.</summary>
internal static class ClientEndpoints
{
    /// <summary>Asks one node for all of them.</summary>
    /// <returns>Id to endpoint; empty where the server has no such thing or the user may not ask.</returns>
    public static async Task<IReadOnlyDictionary<string, NodeEndpoint>> AskAsync(INodeConnection connection, bool tls, TimeSpan limit, CancellationToken cancellation)
    {
        var reply = await connection.AskAsync(ClusterShards.Ask, cancellation, limit).ConfigureAwait(false);
        return Parse(reply, connection.Endpoint, tls);
    }

    /// <param name="reply">Of each shard its slots and nodes, each node as names and values in turn.</param>
    /// <param name="asked">Whom: its host is meant where a server tells none.</param>
    /// <param name="tls">Which of two ports is ours.</param>
    public static IReadOnlyDictionary<string, NodeEndpoint> Parse(RespValue reply, NodeEndpoint asked, bool tls)
    {
        var endpoints = new Dictionary<string, NodeEndpoint>(StringComparer.Ordinal);
        foreach (var (id, node, port) in ClusterShards.NodesOf(reply, tls))
        {
            var host = node.Field("endpoint") is { IsNull: false } told ? told.Text : string.Empty;
            if (new NodeLine { Host = host.Length == 0 ? asked.Host : host, Port = port }.Endpoint is { } endpoint)
                endpoints[id] = endpoint;
        }

        return endpoints;
    }
}
