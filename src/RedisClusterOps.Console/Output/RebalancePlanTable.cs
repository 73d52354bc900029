using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>A plan that moves slots whole: each move, what each master has before and after, what to know, and the way back.</summary>
internal static class RebalancePlanTable
{
    private const int ShownRanges = 4;

    public static void Write(Screen screen, RedisRebalancePlan plan, ParseResult parsed)
    {
        WriteMoves(screen.Out, plan);
        WriteShares(screen.Out, plan);
        foreach (var finding in plan.Findings)
        {
            screen.Out.WriteLine();
            screen.Out.WriteLine((finding.Severity == FindingSeverity.Information ? "note     " : "warning  ") + finding.Message);
            if (finding.Advice is { } advice)
                screen.Out.WriteLine("         next: " + NextCommand.Of(advice, parsed));
        }

        screen.Out.WriteLine();
        if (plan.Moves.Count == 0)
        {
            screen.Out.WriteLine("Nothing to move" + (plan.Options is { } asked ? ": " + WhyNothing(asked) : "."));
            return;
        }

        screen.Out.WriteLine(plan + ", " + Total(plan) + ". Nothing has been changed.");
        screen.Out.WriteLine("The way back, once it has run: " + NextCommand.Of("Undo-RedisSlotMigration -MigrationId <the id that the run shows>", parsed));
    }

    private static string WhyNothing(RebalanceOptions asked) =>
        "every master is within " + asked.Threshold.ToString("0.##", CultureInfo.InvariantCulture) + " % of its share"
        + (asked.By == RebalanceMeasure.Slots ? "." : ", or no whole slot would bring it closer.");

    private static void WriteMoves(IAnsiConsole console, RedisRebalancePlan plan)
    {
        if (plan.Moves.Count == 0)
            return;
        var grid = new Grid("FROM", "TO", ">SLOTS", ">KEYS", ">MEMORY", "METHOD", "SLOT RANGES");
        foreach (var move in plan.Moves)
        {
            grid.Add(
                move.Source, move.Target, Quantity.Count(move.SlotCount), Quantity.Count(move.EstimatedKeys), Quantity.Bytes(move.EstimatedBytes), move.Method, Ranges(move.SlotRanges));
        }

        grid.WriteTo(console);
        console.WriteLine();
    }

    private static void WriteShares(IAnsiConsole console, RedisRebalancePlan plan)
    {
        var weighted = plan.Options is not null;
        var grid = new Grid([.. new[] { "NODE", weighted ? ">WEIGHT" : null, ">SLOTS", ">AFTER", ">KEYS", ">AFTER", ">MEMORY", ">AFTER", ">SHARE", ">AFTER" }.OfType<string>()]);
        foreach (var (before, after) in plan.Before.Zip(plan.After))
        {
            string?[] cells =
            [
                before.Node, weighted ? (before.Weight ?? 0).ToString("0.#########", CultureInfo.InvariantCulture) : null,
                Quantity.Count(before.SlotCount), Quantity.Count(after.SlotCount), Quantity.Count(before.Keys), Quantity.Count(after.Keys),
                Quantity.Bytes(before.Bytes), Quantity.Bytes(after.Bytes), Quantity.Percent(before.Share), Quantity.Percent(after.Share),
            ];
            grid.Add([.. cells.OfType<string>().Select(cell => new Grid.Cell(cell))]);
        }

        grid.WriteTo(console);
    }

    private static string Total(RedisRebalancePlan plan)
    {
        var keys = plan.Moves.Aggregate((long?)0, (sum, move) => sum + move.EstimatedKeys);
        var bytes = plan.Moves.Aggregate((long?)0, (sum, move) => sum + move.EstimatedBytes);
        return "about " + (keys is { } known ? Quantity.Keys(known) : "keys not counted") + (bytes is null ? string.Empty : ", " + Quantity.Bytes(bytes));
    }

    private static string Ranges(IReadOnlyList<SlotRange> ranges) =>
        string.Join(' ', ranges.Take(ShownRanges)) + (ranges.Count > ShownRanges ? " and " + (ranges.Count - ShownRanges).ToString(CultureInfo.InvariantCulture) + " more" : string.Empty);
}
