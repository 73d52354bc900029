using System.CommandLine;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>A check's outcome: one line that says it all, then each finding with what to run.</summary>
internal static class HealthReport
{
    private const int ShownTargets = 20;

    public static void Write(Screen screen, RedisClusterHealth health, ParseResult parsed)
    {
        var console = screen.Out;
        console.Write(health.Healthy ? new Text("healthy", new Style(Color.Green)) : new Text("NOT HEALTHY", new Style(Color.Red)));
        console.WriteLine("  " + Summary(health));
        foreach (var alike in health.Findings.GroupBy(finding => finding.Code))
        {
            foreach (var finding in alike.Take(ShownTargets))
            {
                console.WriteLine();
                console.Write(new Text(finding.Severity + "  ", new Style(ColorOf(finding.Severity))));
                console.WriteLine(finding.Code + "  " + finding.Target);
                console.WriteLine("  found  " + finding.Message);
                if (finding.Advice.Length > 0)
                    console.WriteLine("  next   " + NextCommand.Of(finding.Advice, parsed));
            }

            if (alike.Count() > ShownTargets)
                console.WriteLine("and " + Number(alike.Count() - ShownTargets) + " more " + alike.Key + "; --json lists them all");
        }
    }

    private static string Summary(RedisClusterHealth health)
    {
        var masters = health.Nodes.Count(node => node.Role == RedisNodeRole.Master);
        var covered = health.Nodes.Where(node => node.Role == RedisNodeRole.Master).Sum(node => node.SlotCount);
        return Number(masters) + (masters == 1 ? " master, " : " masters, ")
            + Number(health.Nodes.Count - masters) + (health.Nodes.Count - masters == 1 ? " replica, " : " replicas, ")
            + Number(covered) + " of " + Number(Topology.HashSlot.Count) + " slots owned, "
            + (health.OpenSlots.Count == 0 ? "none open" : Number(health.OpenSlots.Count) + " open")
            + string.Concat(health.Findings.GroupBy(finding => finding.Severity).OrderByDescending(group => group.Key)
                .Select(group => ", " + Number(group.Count()) + " " + group.Key.ToString().ToLowerInvariant() + (group.Count() == 1 || group.Key == FindingSeverity.Information ? string.Empty : "s")));
    }

    private static Color ColorOf(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Error => Color.Red,
        FindingSeverity.Warning => Color.Yellow,
        _ => Color.Default,
    };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
