using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Open slots: one row each, then what clients see now, then the commands to run next.</summary>
internal static class OpenSlotTable
{
    private const int ShownCommands = 5;

    public static void Write(Screen screen, IReadOnlyList<RedisOpenSlot> slots, ParseResult parsed)
    {
        var console = screen.Out;
        WriteRows(console, slots);
        foreach (var slot in slots.Where(slot => slot.Detail is not null).Take(ShownCommands))
            console.WriteLine("slot " + Number(slot.Slot) + ": " + slot.Detail);
        foreach (var alike in slots.GroupBy(slot => (slot.State, slot.ClientsSee)))
        {
            console.WriteLine();
            console.WriteLine(alike.Key.State + " (" + (alike.Count() == 1 ? "slot " + Number(alike.First().Slot) : Number(alike.Count()) + " slots") + ")");
            console.WriteLine("  clients see  " + alike.Key.ClientsSee);
            foreach (var command in NextCommand.OfAll(alike.Select(slot => slot.Advice), parsed).Take(ShownCommands))
                console.WriteLine("  next         " + command);
        }
    }

    private static void WriteRows(IAnsiConsole console, IReadOnlyList<RedisOpenSlot> slots)
    {
        // Mostly the owner is the source; a column of its own is worth its width only where it tells something.
        var owners = slots.Any(slot => slot.Owner != slot.Source);
        string[] owner = owners ? ["OWNER"] : [];
        var since = slots.Any(slot => slot.Since is not null);
        string[] age = since ? ["SINCE"] : [];
        var pace = slots.Any(slot => slot.KeysPerSecond is not null);
        string[] rate = pace ? [">KEYS/S", ">TIME LEFT"] : [];
        var grid = new Grid([">SLOT", "STATE", .. owner, "SOURCE", "TARGET", ">ON SOURCE", ">ON TARGET", ">DONE", .. rate, .. age]);
        foreach (var slot in slots)
        {
            Grid.Cell[] ownerCell = owners ? [slot.Owner] : [];
            Grid.Cell[] sinceCell = since ? [slot.Since?.ToString("u", CultureInfo.InvariantCulture)] : [];
            Grid.Cell[] paceCells = pace ? [slot.KeysPerSecond?.ToString("N0", CultureInfo.InvariantCulture), slot.TimeLeft is { } left ? Quantity.Time(left) : null] : [];
            grid.Add(
            [
                Number(slot.Slot), new Grid.Cell(slot.State.ToString(), Color.Yellow), .. ownerCell, slot.Source, slot.Target,
                Quantity.Count(slot.KeysOnSource), Quantity.Count(slot.KeysOnTarget), Quantity.Percent(slot.PercentComplete), .. paceCells, .. sinceCell,
            ]);
        }

        grid.WriteTo(console);
    }

    // A slot's number is a name, not an amount: no thousands separator.
    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
