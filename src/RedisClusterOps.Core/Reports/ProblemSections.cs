using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Reports;

/// <summary>An alert or a finding as people read it.</summary>
internal sealed record Problem(FindingSeverity Severity, string Code, string Target, string Message, NextAction? Next)
{
    /// <summary>Null of a finding, which is of this moment.</summary>
    public DateTime? Since { get; init; }

    public bool IsSinceExact { get; init; }
}

/// <summary>How bad, what, of whom, since when, and the command to run.</summary>
internal static class ProblemList
{
    private const int Most = 200;

    /// <summary>One entry for all of which the same is to be said: where one master is down, every node says that the cluster is.</summary>
    /// <returns>How many problems were left out, for there are too many to read.</returns>
    public static int Write(HtmlWriter page, IEnumerable<Problem> problems)
    {
        var entries = problems.GroupBy(problem => problem with { Target = string.Empty }).ToList();
        if (entries.Count > 0)
            page.Markup("<ul class=\"findings\">\n");
        foreach (var entry in entries.Take(Most))
            Write(page, entry.Key, string.Join(", ", entry.Select(problem => problem.Target)));
        if (entries.Count > 0)
            page.Markup("</ul>\n");
        return entries.Skip(Most).Sum(entry => entry.Count());
    }

    private static void Write(HtmlWriter page, Problem problem, string targets)
    {
        page.Markup("<li class=\"" + problem.Severity.ToString().ToLowerInvariant() + "\"><span class=\"severity\">" + Sign(problem.Severity) + " ").Text(problem.Severity.ToString())
            .Markup("</span> ").Text(problem.Code + " " + targets);
        if (problem.Since is { } since)
            page.Markup(" <span class=\"since\">").Text(problem.IsSinceExact ? "since" : "since at least").Markup(" ").Time(since).Markup("</span>");
        page.Markup("<p>").Text(problem.Message).Markup("</p>");
        if (problem.Next is { } next)
            page.Markup("<p>Next: <code>").Next(next).Markup("</code></p>");
        page.Markup("</li>\n");
    }

    private static string Sign(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Error => "✖",
        FindingSeverity.Warning => "▲",
        _ => "•",
    };
}

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

/// <summary>The findings that are not among the alerts.</summary>
internal static class FindingSection
{
    public static void Write(HtmlWriter page, ClusterReport report)
    {
        var findings = Without(report);
        var told = report.Health.Findings.Count - findings.Count;
        page.Markup("<section>\n<h2>Findings</h2>\n");
        if (told > 0)
            page.Markup("<p class=\"soft\">").Text(told).Markup(told == 1 ? " is" : " are").Markup(" among the alerts.</p>\n");
        else if (findings.Count == 0)
            page.Markup("<p>Nothing was found.</p>\n");
        var problems = findings.Select(finding => new Problem(finding.Severity, finding.Code.ToString(), finding.Target, finding.Message, finding.Next));
        ReportPage.More(page, ProblemList.Write(page, problems), NextActionCode.CheckCluster);
        page.Markup("</section>\n");
    }

    /// <summary>The findings of which no alert says the same, and since when.</summary>
    private static IReadOnlyList<RedisClusterFinding> Without(ClusterReport report)
    {
        var told = new HashSet<string>(report.Alerts.Select(alert => (alert.Code == AlertCode.SlotStuck ? nameof(FindingCode.SlotOpen) : alert.Code.ToString()) + " " + alert.Target), StringComparer.Ordinal);
        return report.Health.Findings.Where(finding => !told.Contains(finding.Code + " " + finding.Target)).ToList();
    }
}
