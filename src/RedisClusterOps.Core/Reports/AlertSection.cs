using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Reports;

/// <summary>What has to be looked at now, and since when.</summary>
internal static class AlertSection
{
    public static void Write(HtmlWriter page, ClusterReport report)
    {
        page.Markup("<section>\n<h2>Alerts</h2>\n");
        if (report.Alerts.Count == 0)
            page.Markup("<p>None.</p>\n");
        var problems = report.Alerts.Select(alert => new Problem(alert.Severity, alert.Code.ToString(), alert.Target, alert.Message, alert.Next) { Since = alert.Since, IsSinceExact = alert.IsSinceExact });
        ReportPage.More(page, ProblemList.Write(page, problems), NextActionCode.ShowAlerts);
        WriteUnknown(page, report);
        page.Markup("</section>\n");
    }

    /// <summary>The findings of which no alert says the same, and since when.</summary>
    public static IReadOnlyList<RedisClusterFinding> Without(ClusterReport report)
    {
        var told = new HashSet<string>(report.Alerts.Select(alert => (alert.Code == AlertCode.SlotStuck ? nameof(FindingCode.SlotOpen) : alert.Code.ToString()) + " " + alert.Target), StringComparer.Ordinal);
        return report.Health.Findings.Where(finding => !told.Contains(finding.Code + " " + finding.Target)).ToList();
    }

    // No alert is not all well where nobody knows how long a slot has been as it is.
    private static void WriteUnknown(HtmlWriter page, ClusterReport report)
    {
        if (report.Health.OpenSlots.Count == 0)
            return;
        page.Markup("<p class=\"soft\">An open slot is an alert after ").Text(Duration.Shown(report.StuckAfter)).Markup(" without progress.");
        if (report.SlotsOfUnknownAge is > 0 and var unknown)
        {
            page.Markup(" Of ").Text(unknown).Markup(unknown == 1 ? " open slot" : " open slots")
                .Markup(" neither the journal nor a watcher’s file tells since when; a schedule of <code>").Next(new NextAction(NextActionCode.WriteAlertState) { Node = "<file>" }).Markup("</code> would, and a report that reads the same file knows what it knows.");
        }

        page.Markup("</p>\n");
    }
}
