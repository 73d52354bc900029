using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Round trips from here to each node; then the links between the nodes.</summary>
internal static class LinkTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<RedisClusterLink> links)
    {
        var trips = new Grid("TO", "STATE", ">SENT", ">LOST", ">MIN MS", ">MEAN MS", ">P99 MS", ">MAX MS", ">JITTER MS");
        foreach (var link in links.Where(link => link.Kind == LinkKind.ClientToNode))
        {
            trips.Add(
                link.Target, State(link), Quantity.Count(link.Sent), new Grid.Cell(Quantity.Percent(link.Loss), link.Loss > 0 ? Color.Red : null),
                Milliseconds(link.Min), Milliseconds(link.Mean), Milliseconds(link.P99), Milliseconds(link.Max), Milliseconds(link.Jitter));
        }

        trips.WriteTo(console);
        var between = links.Where(link => link.Kind == LinkKind.NodeToNode).ToList();
        if (between.Count > 0)
        {
            console.WriteLine();
            var bus = new Grid("FROM", "TO", "STATE", ">QUEUE", ">LINK AGE", ">PING WAITS", ">LAST PONG");
            foreach (var link in between)
                bus.Add(link.Source, link.Target, State(link), Quantity.Bytes(link.SendQueue), Time(link.Age), Time(link.PingAge), Time(link.PongAge));
            bus.WriteTo(console);
        }

        foreach (var link in links.Where(link => link.Trouble is not null))
            console.WriteLine(link.Source + " -> " + link.Target + ": " + link.Trouble);
    }

    private static Grid.Cell State(RedisClusterLink link) =>
        new(link.State == LinkState.Connected ? "connected" : "disconnected", link.State == LinkState.Connected ? Color.Green : Color.Red);

    private static string Milliseconds(double? time) => time?.ToString("0.000", CultureInfo.InvariantCulture) ?? Quantity.Unknown;

    private static string Time(TimeSpan? time) => time is { } known ? Quantity.Time(known) : Quantity.Unknown;
}
