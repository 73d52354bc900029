using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Reads the settings and functions of a node, once.</summary>
internal sealed class NodeSettingsReader(NodeProbe probe)
{
    // One command each: CONFIG GET takes several names only since Redis 7.0.
    private static readonly string[] Names =
    [
        "cluster-node-timeout", "tls-port", "port", "cluster-allow-replica-migration", "proto-max-bulk-len", "min-replicas-to-write",
        "stop-writes-on-bgsave-error", "save", "masteruser",
    ];

    private readonly ConcurrentDictionary<string, NodeSettings> _known = new(StringComparer.Ordinal);

    public async Task<NodeSettings> ReadAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (!_known.TryGetValue(node.Id, out var settings))
            _known[node.Id] = settings = await AskAsync(node, cancellation).ConfigureAwait(false);
        return settings;
    }

    private async Task<NodeSettings> AskAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (node.View?.Facts is not { Engine: not ServerEngine.Garnet } facts)
            return NodeSettings.Unknown;
        var commands = Names.Select(name => RespCommand.Of("CONFIG", "GET", name)).ToList();
        // Functions exist since Redis 7.0, and in every Valkey.
        if (facts.Engine != ServerEngine.Redis || facts.IsAtLeast(7, 0))
            commands.Add(RespCommand.Of("FUNCTION", "LIST", "WITHCODE"));
        if (await probe.AskAsync(node, commands, cancellation).ConfigureAwait(false) is not { } replies)
            return NodeSettings.Unknown;
        return new NodeSettings
        {
            NodeTimeout = Number(replies[0]) is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null,
            TlsPort = Number(replies[1]),
            PlainPort = Number(replies[2]),
            AllowsReplicaMigration = Flag(replies[3]),
            LargestValue = Number(replies[4]),
            MinimumReplicas = Number(replies[5]),
            // Without save points a failed save has no consequence.
            StopsAfterFailedSave = Flag(replies[6]) == true && Value(replies[7]) is { } points ? points.Length > 0 : Flag(replies[6]),
            ReplicationUser = Value(replies[8]),
            Functions = replies.Count > Names.Length && !replies[Names.Length].IsError ? CodeOf(replies[Names.Length]) : null,
        };
    }

    private static Dictionary<string, string> CodeOf(RespValue libraries)
    {
        var code = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var library in libraries.Items)
        {
            foreach (var function in library.Field("functions")?.Items ?? [])
                code[function.Field("name")?.Text ?? string.Empty] = library.Field("library_code")?.Text ?? string.Empty;
        }

        return code;
    }

    private static string? Value(RespValue reply) => !reply.IsError && reply.Items.Count == 2 ? reply.Items[1].Text : null;

    private static bool? Flag(RespValue reply) => Value(reply) switch
    {
        "yes" => true,
        "no" => false,
        _ => null,
    };

    private static long? Number(RespValue reply) =>
        long.TryParse(Value(reply), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
