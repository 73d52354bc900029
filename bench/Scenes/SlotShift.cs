using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>Slots that go from one node to another.</summary>
internal sealed record SlotShift(LocalNode Source, LocalNode Target, SlotRange Slots)
{
    public IEnumerable<int> Each => Enumerable.Range(Slots.First, Slots.Count);

    /// <summary>What a rebalance moves: every owner's surplus, lowest slots first, to the one master that has none.</summary>
    public static IReadOnlyList<SlotShift> ToTheEmptyMaster(Bed bed)
    {
        var shares = LocalClusterOptions.SharesFor(bed.Scene.Owners, bed.Scene.Masters);
        return [.. bed.Masters.Zip(shares).Where(pair => pair.Second.Count > 0).Select(pair =>
            new SlotShift(pair.First, bed.Masters[^1], First(pair.Second[0], pair.Second[0].Count - (HashSlot.Count / bed.Scene.Masters))))];
    }

    /// <summary>The first master's lowest slots, to the last master.</summary>
    public static IReadOnlyList<SlotShift> OfTheFirstMaster(Bed bed, int count) => [new SlotShift(bed.Masters[0], bed.Masters[^1], new SlotRange(0, count - 1))];

    private static SlotRange First(SlotRange of, int count) => new(of.First, of.First + count - 1);
}
