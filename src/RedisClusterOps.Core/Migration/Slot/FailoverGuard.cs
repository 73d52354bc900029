using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>A command that keeps a transaction from running on a master while its replica takes its place.</summary>
/// <remarks>
/// CLUSTER SETSLOT also runs during a CLUSTER FAILOVER. So a master may take over slots that its replica does not hear of any more. It
/// then keeps them, although the replica owns the others. But a master in a failover delays every command that may write, and a transaction
/// with one of them (src/server.c: processCommand). Once it is a replica, it refuses the transaction, because it no longer serves the key,
/// and any SETSLOT. PFCOUNT counts as such a command, and changes nothing.
/// </remarks>
internal static class FailoverGuard
{
    // A failover takes tens of milliseconds, and one that is given up five seconds. By then the source may have been replaced as well, and
    // its successor would lose the keys of a slot that the target takes over now.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(500);

    private static readonly ConcurrentDictionary<int, RespCommand> Commands = new();

    /// <summary>
    /// The command for a node; null if it has no replicas, or serves no slot on its own. No replica of a master without slots is elected.
    /// </summary>
    public static RespCommand? Of(NodeView node)
    {
        if (!node.HasReplicas)
            return null;
        var slot = node.Self.Slots.Slots.Where(slot => !node.Self.MigratingTo.ContainsKey(slot)).DefaultIfEmpty(-1).First();
        return slot < 0 ? null : Commands.GetOrAdd(slot, CreateCommand);
    }

    /// <summary>Sends a transaction with the guard. A server drops a transaction that it delays when its connection is closed.</summary>
    /// <returns>Null without replies within half a second: the outcome is unknown.</returns>
    public static async Task<IReadOnlyList<RespValue>?> SendAsync(
        ClusterReader reader, ClusterNode node, IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        var connection = await reader.ConnectForDelayedAsync(node, cancellation).ConfigureAwait(false);
        try
        {
            var replies = await connection.SendAsync(commands, LongestDelay, cancellation).ConfigureAwait(false);
            // A server on which EXEC is renamed would stay in the transaction.
            if (!replies.Any(Transaction.IsExecuted))
                connection.Dispose();
            return replies;
        }
        catch (RedisConnectionException)
        {
            return null;
        }
    }

    // The key does not exist.
    private static RespCommand CreateCommand(int slot) =>
        RespCommand.Of("PFCOUNT", "redisclusterops-takeover:{" + HashSlot.TagsIn([slot]).Single() + "}");
}
