using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>Alerts, the worst first: what, since when, what clients see, what to run.</summary>
internal static class AlertList
{
    private const int ShownTargets = 20;

    public static void Write(Screen screen, IReadOnlyList<RedisClusterAlert> alerts, ParseResult parsed)
    {
        var console = screen.Out;
        foreach (var alike in alerts.GroupBy(alert => alert.Code))
        {
            foreach (var alert in alike.Take(ShownTargets))
            {
                console.Write(new Text(alert.Severity + "  ", new Style(alert.Severity == FindingSeverity.Error ? Color.Red : Color.Yellow)));
                console.WriteLine(alert.Code + "  " + alert.Target + "  since " + (alert.IsSinceExact ? string.Empty : "at least ") + alert.Since.ToString("u", CultureInfo.InvariantCulture));
                console.WriteLine("  found  " + alert.Message);
                console.WriteLine("  next   " + NextCommand.Of(alert.Advice, parsed));
            }

            if (alike.Count() > ShownTargets)
                console.WriteLine("and " + (alike.Count() - ShownTargets).ToString(CultureInfo.InvariantCulture) + " more " + alike.Key + "; --json lists them all");
        }
    }
}
