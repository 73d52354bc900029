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
    private readonly Dictionary<string, (TimeSpan At, long? Calls, bool? IsUsed)> _samples = new(StringComparer.Ordinal);

    /// <summary>Takes a sample, and compares it with the one before. Waits a moment if the only one so far is too new for that.</summary>
    /// <returns>The node's memory, replicas and commands, without the sections that the user may not read.</returns>
    public async Task<ServerFacts> SampleAsync(ClusterNode node, CancellationToken abort)
    {
        // Otherwise a run that begins right after its check would move many slots in the small batches for busy nodes.
        // A pause may end a little early.
        while (Last(node.Id) is { IsUsed: null } only && only.At + ShortestInterval - reader.Clock.Now is var left && left > TimeSpan.Zero)
            await reader.Clock.PauseAsync(left, abort).ConfigureAwait(false);
        var connection = await reader.ConnectAsync(node, abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(Questions, null, abort).ConfigureAwait(false);
        var facts = ServerFacts.Parse(string.Join("\n", replies.Where(reply => !reply.IsError).Select(reply => reply.Text)));
        var (now, calls) = (reader.Clock.Now, facts.ClientCalls);
        lock (_lock)
        {
            if (!_samples.TryGetValue(node.Id, out var last))
                _samples[node.Id] = (now, calls, null);
            else if (now - last.At >= ShortestInterval)
                _samples[node.Id] = (now, calls, calls is null || calls != last.Calls);
        }

        return facts;
    }

    /// <summary>False only for a node that served no client between the last two samples. If it is unknown, there may be clients.</summary>
    public bool IsUsed(string node) => Last(node)?.IsUsed ?? true;

    private (TimeSpan At, long? Calls, bool? IsUsed)? Last(string node)
    {
        lock (_lock)
            return _samples.TryGetValue(node, out var last) ? last : null;
    }
}
