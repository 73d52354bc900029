using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>How often the sources of open slots ran MIGRATE. Only that distinguishes keys that move from keys that expire.</summary>
internal static class MigrateCalls
{
    private static readonly RespCommand Calls = RespCommand.Of("INFO", "commandstats");

    /// <returns>The calls since the start of each source, by its id. A source that does not report them is missing.</returns>
    public static async Task<IReadOnlyDictionary<string, long>> ReadAsync(
        ClusterReader reader, ClusterView view, IReadOnlyList<RedisOpenSlot> open, CancellationToken cancellation)
    {
        var sources = open.Select(slot => slot.SourceId).Distinct().Select(id => id is null ? null : view.Node(id))
            .OfType<ClusterNode>().Where(node => node.IsReachable).ToList();
        var counts = await Task.WhenAll(sources.Select(node => CountAsync(reader, node, cancellation))).ConfigureAwait(false);
        return sources.Zip(counts, (node, count) => (node.Id, Count: count)).Where(each => each.Count is not null)
            .ToDictionary(each => each.Id, each => each.Count!.Value, StringComparer.Ordinal);
    }

    private static async Task<long?> CountAsync(ClusterReader reader, ClusterNode node, CancellationToken cancellation)
    {
        try
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            var reply = await connection.SendAsync(Calls, cancellation).ConfigureAwait(false);
            return reply.IsError ? null : ServerFacts.Parse(reply.Text).MigrateCalls;
        }
        catch (RedisOperationException)
        {
            // The check is complete without it: then any change of the number of keys counts as progress.
            return null;
        }
    }
}
