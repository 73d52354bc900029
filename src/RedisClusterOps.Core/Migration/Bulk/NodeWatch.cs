using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Compares samples of INFO commandstats, to find out whether clients use a node, and how long the node is blocked by each key that moves.
/// </summary>
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

    private const long TicksPerMicrosecond = TimeSpan.TicksPerMillisecond / 1000;

    private readonly object _lock = new();
    private readonly Dictionary<string, Sample> _samples = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _moved = new(StringComparer.Ordinal);

    /// <summary>Adds keys that this process moved from the node by MIGRATE.</summary>
    public void Moved(string node, int keys)
    {
        lock (_lock)
            _moved[node] = MovedFrom(node) + keys;
    }

    /// <summary>Takes a sample, and compares it with the one before.</summary>
    /// <returns>The node's memory, replicas and commands, without the sections that the user may not read.</returns>
    public async Task<ServerFacts> SampleAsync(ClusterNode node, CancellationToken abort)
    {
        var connection = await reader.ConnectAsync(node, abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(Questions, null, abort).ConfigureAwait(false);
        var facts = ServerFacts.Parse(string.Join("\n", replies.Where(reply => !reply.IsError).Select(reply => reply.Text)));
        Add(node.Id, facts, reader.Clock.Now);
        return facts;
    }

    /// <summary>False only for a node that served no client between the last two samples.</summary>
    public bool IsUsed(string node)
    {
        lock (_lock)
            return !_samples.TryGetValue(node, out var last) || last.IsUsed;
    }

    /// <summary>How long a MIGRATE blocks the node, for each of its keys; null if that is not known yet.</summary>
    public TimeSpan? KeyCostOf(string node)
    {
        lock (_lock)
            return _samples.TryGetValue(node, out var last) ? last.KeyCost : null;
    }

    private void Add(string node, ServerFacts facts, TimeSpan now)
    {
        lock (_lock)
        {
            if (_samples.TryGetValue(node, out var last) && now - last.At < ShortestInterval)
                return;
            var (calls, spent, moved) = (facts.ClientCalls, facts.MigrateMicroseconds, MovedFrom(node));
            // If it is unknown, there may be clients.
            var isUsed = last is null || calls is null || calls != last.Calls;
            var keys = moved - (last?.Moved ?? 0);
            var cost = keys > 0 && spent - (last?.Microseconds ?? 0) is { } more and > 0
                ? TimeSpan.FromTicks(more * TicksPerMicrosecond / keys)
                : last?.KeyCost;
            _samples[node] = new Sample(now, calls, spent, moved, isUsed, cost);
        }
    }

    private long MovedFrom(string node) => _moved.TryGetValue(node, out var keys) ? keys : 0;

    private sealed record Sample(TimeSpan At, long? Calls, long? Microseconds, long Moved, bool IsUsed, TimeSpan? KeyCost);
}
