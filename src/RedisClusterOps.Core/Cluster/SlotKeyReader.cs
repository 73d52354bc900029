using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Lists the keys of a slot on one node, and describes them.</summary>
internal sealed class SlotKeyReader(ClusterReader reader, RedisClusterSession session)
{
    /// <summary>Names only. GETKEYSINSLOT has no cursor, so what is wanted is asked for at once.</summary>
    public async Task<IReadOnlyList<RedisSlotKey>> ListAsync(ClusterNode node, int slot, int? first, CancellationToken cancellation)
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

    /// <summary>Type, time left and memory of keys on that node. An importing node tells only behind ASKING; one that neither owns nor imports the slot does not tell.</summary>
    public async Task<IReadOnlyList<RedisSlotKey>> DescribeAsync(ClusterNode node, IReadOnlyList<RedisSlotKey> keys, CancellationToken cancellation)
    {
        var described = new List<RedisSlotKey>();
        foreach (var group in keys.GroupBy(key => key.Database))
        {
            var connection = await reader.ConnectAsync(node, group.Key, cancellation).ConfigureAwait(false);
            var part = group.ToList();
            var replies = await connection.SendAsync(part.SelectMany(Questions).ToList(), null, cancellation).ConfigureAwait(false);
            for (var i = 0; i < part.Count; i++)
            {
                var (type, left, memory) = (replies[6 * i + 1], replies[6 * i + 3], replies[6 * i + 5]);
                if (type.Text == "none")
                    continue;
                described.Add(part[i] with
                {
                    Type = type.IsError ? null : Printable.Clean(type.Text, 40),
                    TimeToLive = left.Kind == RespKind.Integer && left.Integer >= 0 ? TimeSpan.FromMilliseconds(left.Integer) : null,
                    MemoryUsage = memory.Kind == RespKind.Integer ? memory.Integer : null,
                });
            }
        }

        return described;

        // ASKING holds for one command; on the owner it changes nothing.
        static IEnumerable<RespCommand> Questions(RedisSlotKey key)
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

    // A margin for keys that come while we look.
    private static async Task<int> CountAsync(INodeConnection connection, int slot, CancellationToken cancellation) =>
        (int)Math.Min(int.MaxValue - 1, (await connection.SendAsync(RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot), cancellation).ConfigureAwait(false)).Integer * 11 / 10 + 10);
}
