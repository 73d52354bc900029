using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Lists the keys of a slot on one node, and reads their type, time to live and memory use.</summary>
internal sealed class SlotKeyReader(ClusterReader reader, RedisClusterSession session)
{
    /// <summary>Lists key names. GETKEYSINSLOT has no cursor, so all of them are requested at once.</summary>
    /// <param name="node">The node to list.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="first">The maximum number of keys; null for all keys.</param>
    /// <param name="cancellation">Cancels the listing.</param>
    public async Task<IReadOnlyList<RedisSlotKey>> ListAsync(
        ClusterNode node, int slot, int? first, CancellationToken cancellation)
    {
        var keys = new List<RedisSlotKey>();
        var databases = node.View?.Databases ?? 1;
        for (var database = 0; database < databases && keys.Count < (first ?? int.MaxValue); database++)
        {
            var connection = await reader.ConnectAsync(node, database, cancellation).ConfigureAwait(false);
            var most = first is { } limit ? limit - keys.Count : await CountAsync(connection, slot, cancellation).ConfigureAwait(false);
            var reply = most > 0
                ? await connection.SendAsync(RespCommand.Of("CLUSTER", "GETKEYSINSLOT", slot, most), cancellation).ConfigureAwait(false)
                : RespValue.Array([]);
            keys.AddRange(reply.Items.Select(item => new RedisSlotKey
            {
                Slot = slot,
                Name = Printable.Quote(item.Bytes),
                RawName = item.Bytes,
                Node = node.Name,
                Database = database,
                Cluster = session,
            }));
        }

        return keys;
    }

    /// <summary>Reads type, time to live and memory use of keys on the node.</summary>
    /// <remarks>An importing node answers only after ASKING. A node that neither owns nor imports the slot does not answer.</remarks>
    public async Task<IReadOnlyList<RedisSlotKey>> DescribeAsync(
        ClusterNode node, IReadOnlyList<RedisSlotKey> keys, CancellationToken cancellation)
    {
        var described = new List<RedisSlotKey>();
        foreach (var group in keys.GroupBy(key => key.Database))
        {
            var connection = await reader.ConnectAsync(node, group.Key, cancellation).ConfigureAwait(false);
            var part = group.ToList();
            var replies = await connection.SendAsync(part.SelectMany(Commands).ToList(), null, cancellation).ConfigureAwait(false);
            for (var i = 0; i < part.Count; i++)
            {
                var (type, remaining, memory) = (replies[6 * i + 1], replies[6 * i + 3], replies[6 * i + 5]);
                if (type.Text == "none")
                    continue;
                described.Add(part[i] with
                {
                    Type = type.IsError ? null : Printable.Clean(type.Text, 40),
                    TimeToLive = remaining.Kind == RespKind.Integer && remaining.Integer >= 0
                        ? TimeSpan.FromMilliseconds(remaining.Integer) : null,
                    MemoryUsage = memory.Kind == RespKind.Integer ? memory.Integer : null,
                });
            }
        }

        return described;

        // ASKING applies to one command. On the owner it has no effect.
        static IEnumerable<RespCommand> Commands(RedisSlotKey key)
        {
            var name = key.RawName.ToArray();
            yield return RespCommand.Of("ASKING");
            yield return RespCommand.Of("TYPE", name);
            yield return RespCommand.Of("ASKING");
            yield return RespCommand.Of("PTTL", name);
            yield return RespCommand.Of("ASKING");
            yield return RespCommand.Of("MEMORY", "USAGE", name);
        }
    }

    // Includes a margin for keys that are written meanwhile.
    private static async Task<int> CountAsync(INodeConnection connection, int slot, CancellationToken cancellation)
    {
        var reply = await connection.SendAsync(RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot), cancellation).ConfigureAwait(false);
        return (int)Math.Min(int.MaxValue - 1, reply.Integer * 11 / 10 + 10);
    }
}
