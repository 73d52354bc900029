using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Runs of the journal, newest first, and how to go on with the newest that can be.</summary>
internal static class MigrationTable
{
    /// <param name="showsSlots">Each slot of each run, too.</param>
    public static void Write(Screen screen, IReadOnlyList<RedisMigration> runs, bool showsSlots, ParseResult parsed)
    {
        var grid = new Grid("ID", "OPERATION", "STATE", ">DONE", ">LEFT", ">FAILED", ">KEYS MOVED", ">KEYS LEFT", ">DONE %", ">TIME LEFT", "STARTED", "LAST PROGRESS");
        foreach (var run in runs)
        {
            grid.Add(
                run.Id, run.Operation, new Grid.Cell(run.State.ToString(), ColorOf(run)), Quantity.Count(run.SlotsDone), Quantity.Count(run.SlotsLeft), Quantity.Count(run.SlotsFailed),
                Quantity.Count(run.KeysMoved), Quantity.Count(run.KeysLeft), Quantity.Percent(run.PercentComplete), run.TimeLeft is { } time ? Quantity.Time(time) : Quantity.Unknown, Time(run.Started), Time(run.LastProgress));
        }

        grid.WriteTo(screen.Out);
        foreach (var run in showsSlots ? runs : [])
            WriteSlots(screen.Out, run);
        if (runs.FirstOrDefault(run => run.IsResumable) is { } left)
            screen.Next(NextCommand.Of("Resume-RedisMigration -Id " + left.Id, parsed));
    }

    private static void WriteSlots(IAnsiConsole console, RedisMigration run)
    {
        console.WriteLine();
        console.WriteLine(run.Path + (run.DamagedLines > 0 ? "  (" + Quantity.Count(run.DamagedLines) + " lines can't be read)" : string.Empty));
        var grid = new Grid(">SLOT", "OPERATION", "SOURCE", "TARGET", "OUTCOME", ">KEYS MOVED", ">KEYS LEFT", "REASON");
        foreach (var slot in run.Slots)
        {
            grid.Add(
                slot.Slot.ToString(CultureInfo.InvariantCulture), slot.Operation + (slot.Strategy is null ? string.Empty : " " + slot.Strategy), slot.Source, slot.Target,
                slot.Outcome?.ToString() ?? (slot.Since is null ? "planned" : "left"), Quantity.Count(slot.KeysMoved), Quantity.Count(slot.KeysLeft), slot.Reason);
        }

        grid.WriteTo(console);
    }

    private static Color ColorOf(RedisMigration run) => run.State switch
    {
        MigrationState.Completed => Color.Green,
        MigrationState.Running => Color.Blue,
        MigrationState.Failed => Color.Red,
        _ => Color.Yellow,
    };

    private static string Time(DateTime time) => time.ToString("u", CultureInfo.InvariantCulture);
}
