using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Counts what every slot holds on its owner: all masters at once, all slots of each in one breath.</summary>
internal sealed class SlotCountReader(ClusterReader reader)
{
    private static readonly RespCommand SlotStats = RespCommand.Of("CLUSTER", "SLOT-STATS", "SLOTSRANGE", 0, HashSlot.Count - 1);

    /// <summary>A master that does not answer, or may not be asked, leaves its slots uncounted.</summary>
    /// <param name="owned">The slots of each master.</param>
    public async Task<SlotCounts> ReadAsync(IEnumerable<(ClusterNode Node, IReadOnlyList<int> Slots)> owned, CancellationToken cancellation)
    {
        var counts = new SlotCounts();
        var masters = owned.Where(master => master.Node.IsReachable && master.Slots.Count > 0).ToList();
        var counted = await FanOut.AllAsync(masters, master => CountAsync(master.Node, master.Slots, cancellation), cancellation).ConfigureAwait(false);
        for (var i = 0; i < masters.Count; i++)
        {
            for (var at = 0; at < masters[i].Slots.Count; at++)
                counts.Set(masters[i].Slots[at], counted[i].Keys?[at], counted[i].Bytes?[at]);
        }

        return counts;
    }

    private async Task<(IReadOnlyList<long?>? Keys, IReadOnlyList<long?>? Bytes)> CountAsync(ClusterNode node, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        try
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            var keys = await SlotKeyCounter.CountAsync(connection, node.View!.Databases, slots, cancellation).ConfigureAwait(false);
            var told = await AskBytesAsync(connection, node.View!.Facts, cancellation).ConfigureAwait(false);
            return (keys, told is null ? Estimate(node.View!, keys) : slots.Select(slot => told.TryGetValue(slot, out var bytes) ? bytes : (long?)null).ToList());
        }
        catch (RedisOperationException)
        {
            return (null, null);
        }
    }

    // Where the server keeps the account it is exact; memory-bytes is there only if it has been switched on.
    private static async Task<Dictionary<int, long>?> AskBytesAsync(INodeConnection connection, ServerFacts facts, CancellationToken cancellation)
    {
        if (facts.Engine != ServerEngine.Redis || !facts.MovesSlotsItself)
            return null;
        var reply = await connection.AskAsync(SlotStats, cancellation).ConfigureAwait(false);
        var bytes = new Dictionary<int, long>();
        // [[slot, [name, value, …]], …]
        foreach (var slot in reply.IsError ? [] : reply.Items)
        {
            if (slot.Items is not { Count: 2 } parts || parts[0].Kind != RespKind.Integer)
                return null;
            var fields = parts[1].Items;
            for (var i = 0; i + 1 < fields.Count; i += 2)
            {
                if (fields[i].Text == "memory-bytes" && fields[i + 1].Kind == RespKind.Integer)
                    bytes[(int)parts[0].Integer] = fields[i + 1].Integer;
            }
        }

        return bytes.Count > 0 ? bytes : null;
    }

    // Every key of a node counts as much as the next; better than nothing, and good where keys are many.
    private static IReadOnlyList<long?>? Estimate(NodeView view, IReadOnlyList<long?> keys)
    {
        if (view.Facts.Number("used_memory_dataset") is not { } memory || view.KeyCount is not { } all)
            return null;
        return keys.Select(count => count is null ? null : all == 0 ? 0 : (long?)(memory * (decimal)count.Value / all)).ToList();
    }
}
