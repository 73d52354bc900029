using System.CommandLine;
using System.Globalization;
using RedisClusterOps.Console.CommandLine;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>A plan: each command with the node that gets it and the reason it is there.</summary>
internal static class PlanList
{
    public static void Write(Screen screen, SlotPlan plan, ParseResult parsed)
    {
        var console = screen.Out;
        console.WriteLine(Heading(plan));
        foreach (var warning in plan.Warnings)
            console.WriteLine("  warning  " + warning);
        var number = 0;
        foreach (var command in plan.Commands)
        {
            number++;
            console.WriteLine();
            console.WriteLine(number.ToString(CultureInfo.InvariantCulture).PadLeft(2) + ". on " + command.Node + ": " + command.Command);
            console.WriteLine("    " + command.Why);
        }

        console.WriteLine();
        console.WriteLine(number == 0 ? "nothing to do" : "nothing was written; to do it: " + SameCommand.Of(parsed, without: "--what-if"));
    }

    public static string Heading(SlotPlan plan) =>
        plan.Operation + " slot " + plan.Slot.ToString(CultureInfo.InvariantCulture) + ", now " + plan.State
        + ": " + plan.Source + " (" + NodeTable.ShortId(plan.SourceId) + ", " + KeysOn(plan.KeysOnSource) + ")"
        + " -> " + plan.Target + " (" + NodeTable.ShortId(plan.TargetId) + ", " + KeysOn(plan.KeysOnTarget) + ")";

    private static string KeysOn(long? keys) => keys is { } known ? Quantity.Keys(known) : "keys not counted";
}
