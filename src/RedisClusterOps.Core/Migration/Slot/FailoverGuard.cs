using System.Collections.Concurrent;
using System.Globalization;
using System.Linq;
using System.Text;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>A command that keeps a transaction from running on a master while its replica takes its place.</summary>
/// <remarks>
/// CLUSTER SETSLOT runs at any time. So during a CLUSTER FAILOVER, a master may take over slots that its replica does not hear of any
/// more. It then keeps them, although the replica owns the others. But a master in a failover delays every command that may write, and a
/// transaction with one of them (src/server.c: processCommand). Once it is a replica, it refuses the transaction, because it no longer
/// serves the key. PFCOUNT counts as such a command, and changes nothing.
/// </remarks>
internal static class FailoverGuard
{
    private static readonly ConcurrentDictionary<int, RespCommand> Commands = new();
    private static readonly string[] Redirects = ["MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN "];

    /// <summary>True if a replica could take the place of the node. None does so for a master without slots.</summary>
    public static bool IsNeeded(NodeView node) => node.HasReplicas && node.Self.Slots.Count > 0;

    /// <summary>The command for a node; null if the guard is not needed, or if the node serves no slot on its own.</summary>
    public static RespCommand? Of(NodeView node)
    {
        if (!IsNeeded(node))
            return null;
        var slot = node.Self.Slots.Slots.Where(slot => !node.Self.MigratingTo.ContainsKey(slot)).DefaultIfEmpty(-1).First();
        return slot < 0 ? null : Commands.GetOrAdd(slot, CreateCommand);
    }

    /// <summary>True if the reply says that the node does not serve the guard's key, or not now.</summary>
    public static bool IsRefusal(RespValue reply) =>
        reply.IsError && Redirects.Any(redirect => ServerErrors.StartsWith(reply.Text, redirect));

    // The key does not exist. One in 16384 names is in the slot.
    private static RespCommand CreateCommand(int slot)
    {
        for (var i = 0; ; i++)
        {
            var key = Encoding.ASCII.GetBytes("redisclusterops-takeover:" + i.ToString(CultureInfo.InvariantCulture));
            if (HashSlot.Of(key) == slot)
                return RespCommand.Of("PFCOUNT", key);
        }
    }
}
