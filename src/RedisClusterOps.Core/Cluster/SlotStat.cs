using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>What a server reports about one slot. Unknown values are null.</summary>
/// <param name="Slot">The slot.</param>
/// <param name="Keys">Its keys.</param>
/// <param name="Bytes">The memory of its keys.</param>
/// <param name="CpuMicroseconds">The CPU time of its commands, since the server began to count.</param>
/// <param name="InputBytes">The bytes that clients sent for it, as <paramref name="CpuMicroseconds"/>.</param>
/// <param name="OutputBytes">The bytes that clients and replicas received for it, as <paramref name="CpuMicroseconds"/>.</param>
internal sealed record SlotStat(int Slot, long? Keys, long? Bytes, long? CpuMicroseconds, long? InputBytes, long? OutputBytes)
{
    /// <summary>The command for all slots of the server.</summary>
    public static RespCommand Command { get; } = RespCommand.Of("CLUSTER", "SLOT-STATS", "SLOTSRANGE", 0, HashSlot.Count - 1);

    /// <summary>The first versions with the command. The settings are different: see <see cref="Parse"/>.</summary>
    public static bool IsSupportedBy(ServerFacts facts) => facts.Engine switch
    {
        ServerEngine.Redis => facts.IsAtLeast(8, 2),
        ServerEngine.Valkey => facts.IsAtLeast(8, 0),
        _ => false,
    };

    /// <summary>
    /// Parses the reply. The number of keys is always there, the other values only while <c>cluster-slot-stats-enabled</c> is on.
    /// </summary>
    public static IReadOnlyDictionary<int, SlotStat> Parse(RespValue reply)
    {
        var stats = new Dictionary<int, SlotStat>();
        // [[slot, [name, value, …]], …]
        foreach (var slot in reply.Items.Where(IsSlot))
        {
            var number = (int)slot.Items[0].Integer;
            stats[number] = new SlotStat(
                number,
                Number("key-count"),
                Number("memory-bytes"),
                Number("cpu-usec"),
                Number("network-bytes-in"),
                Number("network-bytes-out"));

            long? Number(string name) =>
                slot.Items[1].Field(name) is { Kind: RespKind.Integer, Integer: >= 0 and var value } ? value : null;
        }

        return stats;
    }

    private static bool IsSlot(RespValue item) =>
        item.Items is { Count: 2 } parts && parts[0] is { Kind: RespKind.Integer, Integer: >= 0 and < HashSlot.Count };
}
