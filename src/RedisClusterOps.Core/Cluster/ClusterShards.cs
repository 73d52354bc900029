using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>
/// Reads CLUSTER SHARDS of Redis 7.0, Valkey and later: the only reply with both ports of each node and with the endpoints for clients.
/// </summary>
/// <remarks>
/// CLUSTER NODES contains only the ports for the kind of connection that asks, plain or TLS. The endpoint for clients may differ from the
/// address that nodes use among themselves (cluster-preferred-endpoint-type).
/// </remarks>
internal static class ClusterShards
{
    public static readonly RespCommand Command = RespCommand.Of("CLUSTER", "SHARDS");

    /// <summary>The endpoint for clients of each node, by node id.</summary>
    /// <param name="reply">The slots and nodes of each shard; each node is a list of alternating names and values.</param>
    /// <param name="asked">The node that answered: its host is meant if a node has no endpoint of its own.</param>
    /// <param name="tls">True for TLS ports, false for plain ports.</param>
    /// <returns>Empty if the server does not support the command or the user may not run it.</returns>
    public static IReadOnlyDictionary<string, NodeEndpoint> ClientEndpoints(RespValue reply, NodeEndpoint asked, bool tls)
    {
        var endpoints = new Dictionary<string, NodeEndpoint>(StringComparer.Ordinal);
        foreach (var (id, node, port) in NodesOf(reply, tls))
        {
            var host = node.Field("endpoint") is { IsNull: false } field ? field.Text : string.Empty;
            if (new NodeLine { Host = host.Length == 0 ? asked.Host : host, Port = port }.Endpoint is { } endpoint)
                endpoints[id] = endpoint;
        }

        return endpoints;
    }

    /// <summary>The plain or TLS port of each node that has one, by node id.</summary>
    public static IReadOnlyDictionary<string, int> Ports(RespValue reply, bool tls)
    {
        var ports = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (id, _, port) in NodesOf(reply, tls))
            ports[id] = port;
        return ports;
    }

    private static IEnumerable<(string Id, RespValue Node, int Port)> NodesOf(RespValue reply, bool tls)
    {
        foreach (var node in reply.IsError ? [] : reply.Items.SelectMany(shard => shard.Field("nodes")?.Items ?? []))
        {
            if (node.Field("id") is { } id && node.Field(tls ? "tls-port" : "port") is { } port
                && int.TryParse(port.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 65535)
                yield return (id.Text, node, number);
        }
    }
}
