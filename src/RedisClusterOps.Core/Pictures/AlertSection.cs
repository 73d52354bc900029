using System.Linq;

namespace RedisClusterOps.Pictures;

/// <summary>What has to be looked at now, and since when.</summary>
internal static class AlertSection
{
    private const int Most = 200;

    public static void Write(HtmlWriter page, ClusterReport report)
    {
        page.Markup("<section>\n<h2>Alerts</h2>\n");
        if (report.Alerts.Count == 0)
            page.Markup("<p>None.</p>\n");
        else
            page.Markup("<ul class=\"findings\">\n");
        foreach (var alert in report.Alerts.Take(Most))
            ProblemItem.Write(page, alert.Severity, alert.Code + " " + alert.Target, alert.Message, alert.Advice, alert);
        if (report.Alerts.Count > 0)
            page.Markup("</ul>\n");
        ReportPage.More(page, report.Alerts.Count - Most, "Get-RedisClusterAlert");
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
                .Markup(" neither the journal nor a watcher’s file tells since when; a schedule of <code>Get-RedisClusterAlert -StatePath &lt;file&gt;</code> would, and a report with that <code>-StatePath</code> knows what it knows.");
        }

        page.Markup("</p>\n");
    }
}

/// <summary>An alert or a finding as people read it: how bad, what, and the command to run.</summary>
internal static class ProblemItem
{
    /// <param name="since">The alert of which to tell since when; null for a finding, which is of this moment.</param>
    public static void Write(HtmlWriter page, FindingSeverity severity, string what, string message, string advice, RedisClusterAlert? since = null)
    {
        page.Markup("<li class=\"" + severity.ToString().ToLowerInvariant() + "\"><span class=\"severity\">" + Sign(severity) + " ").Text(severity.ToString()).Markup("</span> ").Text(what);
        if (since is not null)
            page.Markup(" <span class=\"since\">").Text(since.IsSinceExact ? "since" : "since at least").Markup(" ").Time(since.Since).Markup("</span>");
        page.Markup("<p>").Text(message).Markup("</p>");
        if (advice.Length > 0)
            page.Markup("<p>Next: <code>").Text(advice).Markup("</code></p>");
        page.Markup("</li>\n");
    }

    private static string Sign(FindingSeverity severity) => severity switch
    {
        FindingSeverity.Error => "✖",
        FindingSeverity.Warning => "▲",
        _ => "•",
    };
}
