using System.Collections.Concurrent;
using System.Globalization;
using System.Linq;
using System.Text;
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
