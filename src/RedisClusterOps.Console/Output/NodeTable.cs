using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Nodes, each replica under its master.</summary>
internal static class NodeTable
{
    private const int ShownRanges = 4;

    public static void Write(IAnsiConsole console, IReadOnlyList<RedisClusterNode> nodes)
    {
        var grid = new Grid("NODE", "ID", "ROLE", "STATE", ">SLOTS", ">KEYS", ">MEMORY", ">OPS/S", ">CPU", "SERVER", "SLOT RANGES");
        foreach (var node in Ordered(nodes))
        {
            grid.Add(
                node.Endpoint,
                ShortId(node.Id),
                node.Role == RedisNodeRole.Master ? "master" : "replica",
                new Grid.Cell(node.State.ToString(), node.State == RedisNodeState.Ok ? Color.Green : Color.Red),
                Quantity.Count(node.SlotCount),
                Quantity.Count(node.KeyCount),
                Quantity.Bytes(node.UsedMemory),
                Quantity.Count(node.OpsPerSecond),
                Quantity.Percent(node.CpuPercent),
                node.Version is null ? Quantity.Unknown : node.Engine.ToString().ToLowerInvariant() + " " + node.Version,
                node.Role == RedisNodeRole.Master ? Ranges(node.SlotRanges) : ReplicaOf(node, nodes));
        }

        grid.WriteTo(console);
        foreach (var node in nodes.Where(node => node.Trouble is not null))
            console.WriteLine(node.Endpoint + ": " + node.Trouble);
    }

    public static string ShortId(string id) => id.Length > 8 ? id[..8] : id;

    private static IEnumerable<RedisClusterNode> Ordered(IReadOnlyList<RedisClusterNode> nodes) => nodes
        .OrderBy(node => (nodes.FirstOrDefault(master => master.Id == node.MasterId) ?? node).Endpoint, System.StringComparer.Ordinal)
        .ThenBy(node => node.Role)
        .ThenBy(node => node.Endpoint, System.StringComparer.Ordinal);

    private static string Ranges(IReadOnlyList<string> ranges) => ranges.Count switch
    {
        0 => "none",
        <= ShownRanges => string.Join(' ', ranges),
        _ => string.Join(' ', ranges.Take(ShownRanges)) + " and " + (ranges.Count - ShownRanges).ToString(CultureInfo.InvariantCulture) + " more",
    };

    private static string ReplicaOf(RedisClusterNode node, IReadOnlyList<RedisClusterNode> nodes)
    {
        var master = nodes.FirstOrDefault(other => other.Id == node.MasterId)?.Endpoint ?? ShortId(node.MasterId ?? string.Empty);
        return "of " + master + (node.MasterLinkStatus is { } link ? ", link " + link : string.Empty);
    }
}
