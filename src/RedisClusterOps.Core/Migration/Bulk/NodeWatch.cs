using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Compares samples of INFO commandstats, to find out whether clients use a node.</summary>
/// <remarks>One for all operations on a cluster: the first sample of a run is compared with the one of its check.</remarks>
internal sealed class NodeWatch(ClusterReader reader)
{
    private static readonly RespCommand[] Questions =
    [
        RespCommand.Of("INFO", "memory"), RespCommand.Of("INFO", "replication"), RespCommand.Of("INFO", "stats"),
        RespCommand.Of("INFO", "commandstats"),
    ];

    // In less time even a busy client may have sent nothing.
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(20);

    private readonly object _lock = new();
    private readonly Dictionary<string, (TimeSpan At, long? Calls, bool IsUsed)> _samples = new(StringComparer.Ordinal);

    /// <summary>Takes a sample, and compares it with the one before.</summary>
    /// <returns>The node's memory, replicas and commands, without the sections that the user may not read.</returns>
    public async Task<ServerFacts> SampleAsync(ClusterNode node, CancellationToken abort)
    {
        var connection = await reader.ConnectAsync(node, abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(Questions, null, abort).ConfigureAwait(false);
        var facts = ServerFacts.Parse(string.Join("\n", replies.Where(reply => !reply.IsError).Select(reply => reply.Text)));
        var (now, calls) = (reader.Clock.Now, facts.ClientCalls);
        lock (_lock)
        {
            // If it is unknown, there may be clients.
            var isKnown = _samples.TryGetValue(node.Id, out var last);
            if (!isKnown || now - last.At >= ShortestInterval)
                _samples[node.Id] = (now, calls, !isKnown || calls is null || calls != last.Calls);
        }

        return facts;
    }

    /// <summary>False only for a node that served no client between the last two samples.</summary>
    public bool IsUsed(string node)
    {
        lock (_lock)
            return !_samples.TryGetValue(node, out var last) || last.IsUsed;
    }
}
