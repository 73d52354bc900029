using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Topology;

/// <summary>Where clients are told to go, which need not be where nodes find each other: <c>cluster-preferred-endpoint-type</c> of Redis 7.0, Valkey and later.</summary>
internal static class ClientEndpoints
{
    private static readonly RespCommand ClusterShards = RespCommand.Of("CLUSTER", "SHARDS");

    /// <summary>Asks one node for all of them.</summary>
    /// <returns>Id to endpoint; empty where the server has no such thing or the user may not ask.</returns>
    public static async Task<IReadOnlyDictionary<string, NodeEndpoint>> AskAsync(INodeConnection connection, bool tls, TimeSpan limit, CancellationToken cancellation)
    {
        var reply = await connection.AskAsync(ClusterShards, cancellation, limit).ConfigureAwait(false);
        return reply.IsError ? new Dictionary<string, NodeEndpoint>() : Parse(reply, connection.Endpoint, tls);
    }

    /// <param name="reply">Of each shard its slots and nodes, each node as names and values in turn.</param>
    /// <param name="asked">Whom: its host is meant where a server tells none.</param>
    /// <param name="tls">Which of two ports is ours.</param>
    public static IReadOnlyDictionary<string, NodeEndpoint> Parse(RespValue reply, NodeEndpoint asked, bool tls)
    {
        var endpoints = new Dictionary<string, NodeEndpoint>(StringComparer.Ordinal);
        foreach (var shard in reply.Items)
        {
            foreach (var node in shard.Field("nodes")?.Items ?? [])
            {
                var host = node.Field("endpoint") is { IsNull: false } told ? told.Text : string.Empty;
                if (node.Field("id") is { } id && Port(node, tls ? "tls-port" : "port") is { } port
                    && new NodeLine { Host = host.Length == 0 ? asked.Host : host, Port = port }.Endpoint is { } endpoint)
                    endpoints[id.Text] = endpoint;
            }
        }

        return endpoints;
    }

    private static int? Port(RespValue node, string name) => node.Field(name) is { } port
        && int.TryParse(port.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 65535 ? number : null;
}
