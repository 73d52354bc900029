using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>A plan: each command with the node that gets it and the reason it is there.</summary>
internal static class PlanList
{
    public static void Write(Screen screen, SlotPlan plan)
    {
        var console = screen.Out;
        console.WriteLine(Heading(plan));
        foreach (var warning in Warnings(plan))
            console.WriteLine("  warning  " + warning);
        foreach (var finding in plan.Findings.Where(finding => finding.Severity == FindingSeverity.Information))
            console.WriteLine("  note     " + finding.Message);
        var number = 0;
        foreach (var command in plan.Commands)
        {
            number++;
            console.WriteLine();
            console.WriteLine(number.ToString(CultureInfo.InvariantCulture).PadLeft(2) + ". on " + command.Node + ": " + command.Command);
            console.WriteLine("    " + command.Why);
        }

        console.WriteLine();
        if (plan.IsPartial)
            console.WriteLine("then the slot is read again, and what it shows decides the rest");
        if (plan.IsDone)
            console.WriteLine("nothing to do");
    }

    /// <summary>What to know before it runs.</summary>
    public static IEnumerable<string> Warnings(SlotPlan plan) => plan.Warnings.Concat(
        plan.Findings.Where(finding => finding.Severity != FindingSeverity.Information)
            .Select(finding => finding.Message + (finding.Advice is null ? string.Empty : " Next: " + finding.Advice)));

    public static string Heading(SlotPlan plan) =>
        plan.Operation + " slot " + plan.Slot.ToString(CultureInfo.InvariantCulture) + ", now " + (plan.State?.ToString() ?? "stable")
        + (plan.Target.Length == 0 ? ": look who holds keys" : ": " + (plan.Source.Length == 0 ? string.Empty : End(plan.Source, plan.SourceId, plan.KeysOnSource) + " ")
        + "-> " + End(plan.Target, plan.TargetId, plan.KeysOnTarget));

    private static string End(string node, string id, long? keys) =>
        node + " (" + NodeTable.ShortId(id) + ", " + (keys is { } known ? Quantity.Keys(known) : "keys not counted") + ")";
}
