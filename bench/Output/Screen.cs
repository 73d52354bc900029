using System;
using System.Collections.Generic;
using Spectre.Console;

namespace RedisClusterOps.Benchmarks;

/// <summary>What is said while it runs.</summary>
internal static class Screen
{
    public static void Note(string text) => System.Console.WriteLine(DateTime.UtcNow.ToString("HH:mm:ss ", System.Globalization.CultureInfo.InvariantCulture) + text);

    public static void List(IEnumerable<Row> rows)
    {
        foreach (var row in rows)
            System.Console.WriteLine(row.Name.PadRight(22) + row.Work + (row.Scene is { } scene ? " (" + scene.Server + ")" : string.Empty));
    }

    public static void Write(RowResult result)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var name in Cells.Header(result))
            table.AddColumn(Markup.Escape(name));
        foreach (var line in Cells.Lines(result))
            table.AddRow([.. System.Linq.Enumerable.Select(line, Markup.Escape)]);
        // A log is as wide as it has to be.
        if (System.Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 250;
        AnsiConsole.Write(table);
        foreach (var (demand, measured) in Cells.Demands(result))
            System.Console.WriteLine("  " + demand.Text + " - " + Cells.Verdict(demand, measured).Replace("*", string.Empty, StringComparison.Ordinal));
        if (result.Failure is { } failure)
            System.Console.WriteLine("  broken off: " + failure);
    }
}
