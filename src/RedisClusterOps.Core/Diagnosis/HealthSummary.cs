using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Diagnosis;

/// <summary>What each master holds, in a line of aligned text. The first thing that a person compares between masters.</summary>
internal static class HealthSummary
{
    public static IReadOnlyList<string> Of(IReadOnlyList<RedisClusterNode> nodes)
    {
        var masters = nodes.Where(node => node.Role == RedisNodeRole.Master).ToList();
        if (masters.Count == 0)
            return [];
        var known = masters.Where(node => node.KeyCount is not null).ToList();
        var total = known.Count == 0 ? null : known.Sum(node => node.KeyCount);
        List<(string Name, int Slots, long? Keys, int Replicas)> rows =
        [
            .. masters.Select(node => (node.Endpoint, node.SlotCount, node.KeyCount, node.ReplicaCount)),
            (Count(masters.Count, "master"), masters.Sum(node => node.SlotCount), total, masters.Sum(node => node.ReplicaCount)),
        ];
        var (name, slots, keys) = (
            rows.Max(row => row.Name.Length), rows.Max(row => Number(row.Slots).Length), rows.Max(row => Number(row.Keys).Length));
        return [.. rows.Select(row => row.Name.PadRight(name) + "  "
            + Number(row.Slots).PadLeft(slots) + (row.Slots == 1 ? " slot   " : " slots  ")
            + Number(row.Keys).PadLeft(keys) + (row.Keys == 1 ? " key   " : " keys  ") + Count(row.Replicas, "replica"))];
    }

    private static string Number(long? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "?";
}
