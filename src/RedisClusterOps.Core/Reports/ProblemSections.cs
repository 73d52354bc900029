using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Reports;

/// <summary>An alert or a finding as it is shown.</summary>
internal sealed record Problem(FindingSeverity Severity, string Code, string Target, string Message, NextAction? Next)
{
    /// <summary>Null for a finding.</summary>
    public DateTime? Since { get; init; }

    public bool IsSinceExact { get; init; }

    public static Problem Of(RedisClusterFinding finding) =>
        new(finding.Severity, finding.Code.ToString(), finding.Target, finding.Message, finding.Next);

    public static Problem Of(RedisClusterAlert alert) =>
        new(alert.Severity, alert.Code.ToString(), alert.Target, alert.Message, alert.Next)
        {
            Since = alert.Since,
            IsSinceExact = alert.IsSinceExact,
        };
}

/// <summary>A list of problems: severity, code, target, since when, message, and next action.</summary>
internal static class ProblemList
{
    private const int Most = 200;

    /// <summary>
    /// Writes one entry for all problems that differ only in their target. If a master is down, every node reports the same.
    /// </summary>
    /// <returns>The number of problems beyond the maximum, which are not written.</returns>
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
        var severity = problem.Severity.ToString();
        page.Markup("<li class=\"" + severity.ToLowerInvariant() + "\"><span class=\"severity\">" + Sign(problem.Severity) + " ")
            .Text(severity).Markup("</span> ").Text(problem.Code + " " + targets);
        if (problem.Since is { } since)
        {
            page.Markup(" <span class=\"since\">").Text(problem.IsSinceExact ? "since" : "since at least").Markup(" ").Time(since)
                .Markup("</span>");
        }

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

/// <summary>The active alerts, and since when.</summary>
internal static class AlertSection
{
    public static void Write(HtmlWriter page, ClusterReport report)
    {
        page.Markup("<section>\n<h2>Alerts</h2>\n");
        if (report.Alerts.Count == 0)
            page.Markup("<p>None.</p>\n");
        var problems = report.Alerts.Select(Problem.Of);
        ReportPage.More(page, ProblemList.Write(page, problems), NextActionCode.ShowAlerts);
        WriteUnknownAges(page, report);
        page.Markup("</section>\n");
    }

    // A slot of unknown age is no alert, however long it has been open. So the absence of alerts must be explained.
    private static void WriteUnknownAges(HtmlWriter page, ClusterReport report)
    {
        if (report.Health.OpenSlots.Count == 0)
            return;
        page.Markup("<p class=\"soft\">An open slot becomes an alert after ").Text(Duration.Shown(report.StuckAfter))
            .Markup(" without progress.");
        if (report.SlotsOfUnknownAge is > 0 and var unknown)
        {
            page.Markup(" It is unknown how long ").Text(unknown).Markup(unknown == 1 ? " open slot has" : " open slots have")
                .Markup(" been open: no journal entry and no state file covers ").Markup(unknown == 1 ? "it" : "them")
                .Markup(". To record it, run <code>").Next(new NextAction(NextActionCode.WriteAlertState) { Node = "<file>" })
                .Markup("</code> on a schedule, and give the report the same file.");
        }

        page.Markup("</p>\n");
    }
}

/// <summary>The findings that are not among the alerts.</summary>
internal static class FindingSection
{
    public static void Write(HtmlWriter page, ClusterReport report)
    {
        var alerted = new HashSet<string>(report.Alerts.Select(FindingOf), StringComparer.Ordinal);
        var findings = report.Health.Findings.Where(finding => !alerted.Contains(finding.Code + " " + finding.Target)).ToList();
        var count = report.Health.Findings.Count - findings.Count;
        page.Markup("<section>\n<h2>Findings</h2>\n");
        if (count > 0)
        {
            page.Markup("<p class=\"soft\">").Text(count).Markup(count == 1 ? " finding is" : " findings are")
                .Markup(" listed under Alerts.</p>\n");
        }
        else if (findings.Count == 0)
        {
            page.Markup("<p>None.</p>\n");
        }

        var problems = findings.Select(Problem.Of);
        ReportPage.More(page, ProblemList.Write(page, problems), NextActionCode.CheckCluster);
        page.Markup("</section>\n");
    }

    private static string FindingOf(RedisClusterAlert alert) =>
        (alert.Code == AlertCode.SlotStuck ? nameof(FindingCode.SlotOpen) : alert.Code.ToString()) + " " + alert.Target;
}
