using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>The number of keys and bytes of each slot on its owner, and its load if it was measured; null if unknown.</summary>
internal sealed class SlotCounts
{
    private readonly long?[] _keys = new long?[HashSlot.Count];
    private readonly long?[] _bytes = new long?[HashSlot.Count];
    private readonly long?[] _loads = new long?[HashSlot.Count];

    /// <summary>Counts in which every slot is unknown.</summary>
    public static SlotCounts None { get; } = new();

    public long? Keys(int slot) => _keys[slot];

    public long? Bytes(int slot) => _bytes[slot];

    /// <summary>The measured CPU time or network bytes of a slot.</summary>
    public long? Load(int slot) => _loads[slot];

    /// <summary>Sets the measured load of one slot. Called only while the counts are gathered.</summary>
    public void SetLoad(int slot, long? load) => _loads[slot] = load;

    /// <summary>Sets the counts of one slot. Called only while the counts are gathered.</summary>
    public void Set(int slot, long? keys, long? bytes)
    {
        _keys[slot] = keys;
        _bytes[slot] = bytes;
    }

    /// <summary>Counts the slots on their owners: all masters concurrently, all slots of a master in one pipelined batch.</summary>
    /// <remarks>The slots of a master that is unreachable, or whose user rights are insufficient, remain unknown.</remarks>
    /// <param name="reader">Connects to the masters.</param>
    /// <param name="owned">The slots to count on each master.</param>
    /// <param name="cancellation">Cancels the counting.</param>
    public static async Task<SlotCounts> ReadAsync(
        ClusterReader reader, IEnumerable<(ClusterNode Node, IReadOnlyList<int> Slots)> owned, CancellationToken cancellation)
    {
        var counts = new SlotCounts();
        var masters = owned.Where(master => master.Node.IsReachable && master.Slots.Count > 0).ToList();
        var counted = await FanOut.AllAsync(masters, master => CountAsync(reader, master.Node, master.Slots, cancellation), cancellation)
            .ConfigureAwait(false);
        for (var i = 0; i < masters.Count; i++)
        {
            for (var at = 0; at < masters[i].Slots.Count; at++)
                counts.Set(masters[i].Slots[at], counted[i].Keys?[at], counted[i].Bytes?[at]);
        }

        return counts;
    }

    private static async Task<(IReadOnlyList<long?>? Keys, IReadOnlyList<long?>? Bytes)> CountAsync(
        ClusterReader reader, ClusterNode node, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        try
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            var keys = await SlotKeyCounter.CountAsync(connection, node.View!.Databases, slots, cancellation).ConfigureAwait(false);
            var reported = await ReadBytesAsync(connection, node.View!.Facts, cancellation).ConfigureAwait(false);
            return (keys, reported is null ? EstimateBytes(node.View!, keys) : BytesOf(reported, slots));
        }
        catch (RedisOperationException)
        {
            return (null, null);
        }
    }

    private static List<long?> BytesOf(Dictionary<int, long> reported, IReadOnlyList<int> slots) =>
        slots.Select(slot => reported.TryGetValue(slot, out var bytes) ? bytes : (long?)null).ToList();

    // Redis 8.4 reports exact sizes, but memory-bytes is present only if it is enabled.
    private static async Task<Dictionary<int, long>?> ReadBytesAsync(
        INodeConnection connection, ServerFacts facts, CancellationToken cancellation)
    {
        if (facts.Engine != ServerEngine.Redis || !facts.MovesSlotsItself)
            return null;
        var reply = await connection.AskAsync(SlotStat.Command, cancellation).ConfigureAwait(false);
        var bytes = SlotStat.Parse(reply).Values.Where(slot => slot.Bytes is not null)
            .ToDictionary(slot => slot.Slot, slot => slot.Bytes!.Value);
        return bytes.Count > 0 ? bytes : null;
    }

    // Assumes that all keys of a node have the same size. The estimate is good if a slot has many keys.
    private static List<long?>? EstimateBytes(NodeView view, IReadOnlyList<long?> keys)
    {
        if (view.Facts.Number("used_memory_dataset") is not { } memory || view.KeyCount is not { } all)
            return null;
        return keys.Select(count => count is null ? null : all == 0 ? 0 : (long?)(memory * (decimal)count.Value / all)).ToList();
    }
}
