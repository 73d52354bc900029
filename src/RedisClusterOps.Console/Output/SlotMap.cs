using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Topology;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Which master holds which part of 0-16383: a line for each, a character for each 256 slots.</summary>
internal static class SlotMap
{
    private const int Width = 64;
    private const int SlotsPerCharacter = HashSlot.Count / Width;

    public static void Write(IAnsiConsole console, IEnumerable<NodeLine> lines)
    {
        var last = (HashSlot.Count - 1).ToString(CultureInfo.InvariantCulture);
        var grid = new Grid("MASTER", ">SLOTS", "0" + last.PadLeft(Width - 1));
        foreach (var master in lines.Where(line => line.IsMaster).OrderBy(line => line.Endpoint?.ToString(), StringComparer.Ordinal))
            grid.Add(master.Endpoint?.ToString(), Quantity.Count(master.Slots.Count), Picture(master.Slots));
        grid.WriteTo(console);
        console.WriteLine("# all 256 slots, + some of them, . none");
    }

    private static string Picture(SlotSet slots) => string.Concat(Enumerable.Range(0, Width).Select(part =>
        Enumerable.Range(part * SlotsPerCharacter, SlotsPerCharacter).Count(slots.Contains) switch
        {
            0 => '.',
            SlotsPerCharacter => '#',
            _ => '+',
        }));
}
