using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Reports;

namespace RedisClusterOps.Core.Tests.Reports;

/// <summary>Charts made up for a test.</summary>
internal static class Charts
{
    /// <summary>So many masters on 10.0.0.x, with an even share each, the first few getting what is left over.</summary>
    public static SlotChart Even(int masters, string? open = null, string? disputed = null, string? uncovered = null)
    {
        var made = new List<ChartedMaster>();
        var first = 0;
        for (var i = 0; i < masters; i++)
        {
            var count = HashSlot.Count / masters + (i < HashSlot.Count % masters ? 1 : 0);
            made.Add(Master(i, "10.0." + i / 250 + "." + i % 250 + ":6379", new SlotRange(first, first + count - 1).ToString()));
            first += count;
        }

        return new SlotChart(made, Set(open), Set(disputed), Set(uncovered));
    }

    public static ChartedMaster Master(int index, string name, string? slots, RedisNodeState state = RedisNodeState.Ok) =>
        new(index, Id(index), name, Set(slots), state, IsDown: state is RedisNodeState.Fail or RedisNodeState.Unreachable);

    /// <summary>No id is the beginning of another's.</summary>
    public static string Id(int index) => ClusterScene.Id("m" + index + "x");

    public static SlotChart Of(params ChartedMaster[] masters) => new(masters, SlotSet.Empty, SlotSet.Empty, SlotSet.From(
        Enumerable.Range(0, HashSlot.Count).Where(slot => !masters.Any(master => master.Slots.Contains(slot)))));

    public static SlotSet Set(string? slots) => SlotSet.TryParse(slots, out var set) ? set! : SlotSet.Empty;
}
