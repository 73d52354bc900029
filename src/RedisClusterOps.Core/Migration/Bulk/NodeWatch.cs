using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>What nodes tell of their own work (INFO commandstats), from one look to the next: whether clients are there, and what a key costs that is moved.</summary>
/// <remarks>One for all that is done to a cluster: the look before a run begins is what its first one is compared with.</remarks>
internal sealed class NodeWatch(ClusterReader reader)
{
    private static readonly RespCommand[] Questions = [RespCommand.Of("INFO", "memory"), RespCommand.Of("INFO", "replication"), RespCommand.Of("INFO", "commandstats")];

    // Within less than that even a busy client may have sent nothing.
    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(20);

    private const long TicksPerMicrosecond = TimeSpan.TicksPerMillisecond / 1000;

    private readonly object _turn = new();
    private readonly Dictionary<string, Look> _looks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _moved = new(StringComparer.Ordinal);

    /// <summary>So many keys have left the node by our MIGRATEs.</summary>
    public void Moved(string node, int keys)
    {
        lock (_turn)
            _moved[node] = MovedFrom(node) + keys;
    }

    /// <summary>Asks the node, and compares with the look before.</summary>
    /// <returns>What it tells of its memory, replicas and commands; what the user may not ask is missing.</returns>
    public async Task<ServerFacts> LookAsync(ClusterNode node, CancellationToken abort)
    {
        var connection = await reader.ConnectAsync(node, abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(Questions, null, abort).ConfigureAwait(false);
        var facts = ServerFacts.Parse(string.Join("\n", replies.Where(reply => !reply.IsError).Select(reply => reply.Text)));
        See(node.Id, facts, reader.Clock.Now);
        return facts;
    }

    /// <summary>False only of a node that served nobody between the last two looks.</summary>
    public bool IsUsed(string node)
    {
        lock (_turn)
            return !_looks.TryGetValue(node, out var last) || last.IsUsed;
    }

    /// <summary>How long a MIGRATE keeps the node from serving others, for each of its keys; null where it is not known yet.</summary>
    public TimeSpan? KeyCostOf(string node)
    {
        lock (_turn)
            return _looks.TryGetValue(node, out var last) ? last.KeyCost : null;
    }

    private void See(string node, ServerFacts facts, TimeSpan now)
    {
        lock (_turn)
        {
            if (_looks.TryGetValue(node, out var last) && now - last.At < ShortestLook)
                return;
            var (calls, spent, moved) = (facts.ClientCalls, facts.MigrateMicroseconds, MovedFrom(node));
            // Where nobody can tell, clients are there.
            var isUsed = last is null || calls is null || calls != last.Calls;
            var keys = moved - (last?.Moved ?? 0);
            var cost = keys > 0 && spent - (last?.Microseconds ?? 0) is { } more and > 0 ? TimeSpan.FromTicks(more * TicksPerMicrosecond / keys) : last?.KeyCost;
            _looks[node] = new Look(now, calls, spent, moved, isUsed, cost);
        }
    }

    private long MovedFrom(string node) => _moved.TryGetValue(node, out var keys) ? keys : 0;

    private sealed record Look(TimeSpan At, long? Calls, long? Microseconds, long Moved, bool IsUsed, TimeSpan? KeyCost);
}
