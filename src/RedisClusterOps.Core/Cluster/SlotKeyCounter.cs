using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Counts the keys of slots on one node, in all its databases.</summary>
/// <remarks>
/// COUNTKEYSINSLOT counts what the node holds, whoever owns the slot, in the database that the connection has selected; keys that
/// are expired but not yet deleted count. Garnet answers MOVED for a slot that it does not own.
/// </remarks>
internal static class SlotKeyCounter
{
    private const int MostAtOnce = 2000;

    // Who counts every slot asks each node for each of them, again and again.
    private static readonly RespCommand?[] OfSlot = new RespCommand?[HashSlot.Count];

    /// <returns>A count for each slot; null where the node would not tell.</returns>
    public static async Task<IReadOnlyList<long?>> CountAsync(
        INodeConnection connection, int databases, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        var counts = new long?[slots.Count];
        for (var start = 0; start < slots.Count; start += MostAtOnce)
        {
            var part = slots.Skip(start).Take(MostAtOnce).ToList();
            var commands = Commands(part, databases);
            var replies = await connection.SendAsync(commands, null, cancellation).ConfigureAwait(false);
            Add(replies, commands, part.Count, counts, start, connection.Endpoint);
        }

        return counts;
    }

    public static async Task<long?> CountAsync(INodeConnection connection, int databases, int slot, CancellationToken cancellation) =>
        (await CountAsync(connection, databases, [slot], cancellation).ConfigureAwait(false))[0];

    /// <summary>Counts, and ends the node's flags for the slot in the same breath: no client's command comes between on a server that reads a whole request at once.</summary>
    /// <returns>The count, and whether the flags are gone: a server that waits for its replicas may not have had their word.</returns>
    public static async Task<(long? Count, bool Stopped)> CountAndStopAsync(INodeConnection connection, int databases, int slot, CancellationToken cancellation)
    {
        var counting = Commands([slot], databases);
        var stop = RespCommand.Of("CLUSTER", "SETSLOT", slot, "STABLE");
        var replies = await connection.SendAsync([.. counting, stop], null, cancellation).ConfigureAwait(false);
        var unconfirmed = ServerErrors.IsUnconfirmed(replies[counting.Count]);
        if (!unconfirmed)
            replies[counting.Count].OrThrow(connection.Endpoint, stop);
        var counts = new long?[1];
        Add([.. replies.Take(counting.Count)], counting, 1, counts, 0, connection.Endpoint);
        return (counts[0], !unconfirmed);
    }

    private static RespCommand CommandOf(int slot) => OfSlot[slot] ??= RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot);

    // One database, the common case, needs no SELECT. With several, the connection is left in database 0 again.
    private static List<RespCommand> Commands(List<int> slots, int databases)
    {
        var commands = new List<RespCommand>();
        for (var database = 0; database < databases; database++)
        {
            if (databases > 1)
                commands.Add(RespCommand.Of("SELECT", database));
            commands.AddRange(slots.Select(CommandOf));
        }

        if (databases > 1)
            commands.Add(RespCommand.Of("SELECT", 0));
        return commands;
    }

    private static void Add(
        IReadOnlyList<RespValue> replies, List<RespCommand> commands, int slots, long?[] counts, int start, NodeEndpoint endpoint)
    {
        var database = commands.Count > slots;
        var index = 0;
        for (var i = 0; i < replies.Count; i++)
        {
            if (database && commands[i].Arguments.Count == 2)
            {
                replies[i].OrThrow(endpoint, commands[i]);
                index = 0;
                continue;
            }

            // Garnet counts only what it owns: of others' slots it says MOVED, of nobody's CLUSTERDOWN.
            var untold = replies[i].IsError && (ServerErrors.StartsWith(replies[i].Text, "MOVED") || ServerErrors.StartsWith(replies[i].Text, "CLUSTERDOWN"));
            if (!untold)
                counts[start + index] = (counts[start + index] ?? 0) + replies[i].OrThrow(endpoint, commands[i]).Integer;
            index++;
        }
    }
}
