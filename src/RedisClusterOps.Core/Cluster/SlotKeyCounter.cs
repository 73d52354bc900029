using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Counts the keys of slots on one node, in all databases.</summary>
/// <remarks>
/// COUNTKEYSINSLOT counts the keys on the node in the selected database, whether or not the node owns the slot. Expired keys count until
/// they are deleted. Garnet answers MOVED for a slot that it does not own.
/// </remarks>
internal static class SlotKeyCounter
{
    private const int BatchSize = 2000;

    // About 50 bytes each, in a packet of 1400.
    private const int PacketCommands = 24;

    // Kept, because counting all slots sends the same commands to each node again and again.
    private static readonly RespCommand?[] Commands = new RespCommand?[HashSlot.Count];

    /// <returns>A count for each slot; null if the node does not report it.</returns>
    public static async Task<IReadOnlyList<long?>> CountAsync(
        INodeConnection connection, int databases, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        var counts = new long?[slots.Count];
        for (var start = 0; start < slots.Count; start += BatchSize)
        {
            var part = slots.Skip(start).Take(BatchSize).ToList();
            var commands = CommandsFor(part, databases);
            var replies = await connection.SendAsync(commands, null, cancellation).ConfigureAwait(false);
            Add(replies, commands, part.Count, counts, start, connection.Endpoint);
        }

        return counts;
    }

    /// <summary>Sends another command and counts slots right after it: the first <see cref="BatchSize"/> in the same round trip.</summary>
    /// <returns>The reply to that command, and a count for each slot.</returns>
    public static async Task<(RespValue First, IReadOnlyList<long?> Counts)> CountAfterAsync(
        RespCommand first, INodeConnection connection, int databases, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        var part = slots.Take(BatchSize).ToList();
        var commands = part.Count == 0 ? [] : CommandsFor(part, databases);
        var replies = await connection.SendAsync([first, .. commands], null, cancellation).ConfigureAwait(false);
        var counts = new long?[part.Count];
        Add([.. replies.Skip(1)], commands, part.Count, counts, 0, connection.Endpoint);
        var reply = replies[0].OrThrow(connection.Endpoint, first);
        var others = await CountAsync(connection, databases, slots.Skip(BatchSize).ToList(), cancellation).ConfigureAwait(false);
        return (reply, [.. counts, .. others]);
    }

    public static async Task<long?> CountAsync(INodeConnection connection, int databases, int slot, CancellationToken cancellation) =>
        (await CountAsync(connection, databases, [slot], cancellation).ConfigureAwait(false))[0];

    /// <summary>
    /// Counts the keys of a slot and clears the node's flags for it (SETSLOT STABLE), without a client's command between the two.
    /// </summary>
    /// <returns>The count, and whether the flags were cleared. They were not if the replicas did not confirm in time.</returns>
    public static async Task<(long? Count, bool Cleared)> CountAndClearFlagsAsync(
        INodeConnection connection, int databases, int slot, CancellationToken cancellation)
    {
        var (count, clearing) = (await CountAndClearFlagsAsync(connection, databases, [slot], cancellation).ConfigureAwait(false))[0];
        var unconfirmed = ServerErrors.IsUnconfirmed(clearing);
        if (!unconfirmed)
            clearing.OrThrow(connection.Endpoint, Clear(slot));
        return (count, !unconfirmed);
    }

    /// <summary>The same for many slots, each with the reply to its STABLE.</summary>
    /// <remarks>
    /// A server executes what one read returns before it serves another client. So a batch is no longer than one network packet, and the
    /// two commands of a slot arrive together.
    /// </remarks>
    public static async Task<IReadOnlyList<(long? Count, RespValue Clearing)>> CountAndClearFlagsAsync(
        INodeConnection connection, int databases, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        var results = new List<(long?, RespValue)>();
        var each = Math.Max(1, PacketCommands / (databases > 1 ? (2 * databases) + 2 : 2));
        for (var start = 0; start < slots.Count; start += each)
        {
            var part = slots.Skip(start).Take(each).Select(slot => (Slot: slot, Counting: CommandsFor([slot], databases))).ToList();
            var commands = part.SelectMany(one => one.Counting.Append(Clear(one.Slot))).ToList();
            var replies = await connection.SendAsync(commands, null, cancellation).ConfigureAwait(false);
            var at = 0;
            foreach (var (_, counting) in part)
            {
                var counts = new long?[1];
                Add([.. replies.Skip(at).Take(counting.Count)], counting, 1, counts, 0, connection.Endpoint);
                results.Add((counts[0], replies[at + counting.Count]));
                at += counting.Count + 1;
            }
        }

        return results;
    }

    private static RespCommand Clear(int slot) => RespCommand.Of("CLUSTER", "SETSLOT", slot, "STABLE");

    private static RespCommand CommandFor(int slot) => Commands[slot] ??= RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot);

    // A single database needs no SELECT. With several, the last command selects database 0 again.
    private static List<RespCommand> CommandsFor(List<int> slots, int databases)
    {
        var commands = new List<RespCommand>();
        for (var database = 0; database < databases; database++)
        {
            if (databases > 1)
                commands.Add(RespCommand.Of("SELECT", database));
            commands.AddRange(slots.Select(CommandFor));
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

            // Garnet counts only slots that it owns: it answers MOVED for slots of other nodes, and CLUSTERDOWN for slots without an owner.
            var isUnknown = replies[i].IsError
                && (ServerErrors.StartsWith(replies[i].Text, "MOVED") || ServerErrors.StartsWith(replies[i].Text, "CLUSTERDOWN"));
            if (!isUnknown)
                counts[start + index] = (counts[start + index] ?? 0) + replies[i].OrThrow(endpoint, commands[i]).Integer;
            index++;
        }
    }
}
