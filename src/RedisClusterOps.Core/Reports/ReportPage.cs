using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Reports;

/// <summary>A report as one HTML page that needs nothing else: no script, no file beside it, no network.</summary>
internal static class ReportPage
{
    public static string Write(ClusterReport report)
    {
        var page = new HtmlWriter(report.NextActionText);
        var title = "Redis Cluster " + report.Health.Cluster;
        page.Markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            // Should a hole be found in what is escaped here, a browser still runs nothing.
            .Markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
            .Markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
            .Markup("<title>").Text(title).Markup("</title>\n<style>\n").Markup(ReportStyle.Css).Markup("</style>\n</head>\n<body>\n<main>\n<header>\n<h1>").Text(title).Markup("</h1>\n")
            .Markup("<p class=\"soft\">As it was on ").Time(report.TakenAtUtc).Markup("</p>\n");
        WriteVerdict(page, report.Health);
        WriteFacts(page, report);
        page.Markup("</header>\n");
        AlertSection.Write(page, report);
        FindingSection.Write(page, report);
        MapSection.Write(page, report.Chart);
        SlotSection.Write(page, report.Health.OpenSlots);
        NodeSection.Write(page, report);
        MigrationSection.Write(page, report);
        return page.Markup("<footer><p>Made by RedisClusterOps ").Text(typeof(ReportPage).Assembly.GetName().Version.ToString(3))
            .Markup(". This page holds addresses, ids and what the journal says of runs; no key, no value, no password.</p></footer>\n</main>\n</body>\n</html>\n").ToString();
    }

    /// <summary>What is left of a list that would be too long for people.</summary>
    public static void More(HtmlWriter page, int left, NextActionCode command)
    {
        if (left > 0)
            page.Markup("<p class=\"soft\">And ").Text(left).Markup(" more: <code>").Next(new NextAction(command)).Markup("</code></p>\n");
    }

    private static void WriteVerdict(HtmlWriter page, RedisClusterHealth health)
    {
        var counts = health.Findings.GroupBy(finding => finding.Severity).OrderByDescending(group => group.Key)
            .Where(group => group.Key != FindingSeverity.Information)
            .Select(group => HtmlWriter.Count(group.Count()) + " " + group.Key.ToString().ToLowerInvariant() + (group.Count() == 1 ? string.Empty : "s"));
        page.Markup(health.Healthy ? "<p class=\"verdict good\">✔ Healthy" : "<p class=\"verdict bad\">✖ Not healthy: ").Text(string.Join(", ", counts)).Markup("</p>\n");
    }

    private static void WriteFacts(HtmlWriter page, ClusterReport report)
    {
        var nodes = report.Health.Nodes;
        var masters = nodes.Where(node => node.Role == RedisNodeRole.Master).ToList();
        page.Markup("<dl class=\"facts\">");
        Fact("Masters", HtmlWriter.Count(masters.Count));
        Fact("Replicas", HtmlWriter.Count(nodes.Count - masters.Count));
        Fact("Slots served", HtmlWriter.Count(HashSlot.Count - report.Chart.Uncovered.Count) + " of " + HtmlWriter.Count(HashSlot.Count));
        Fact("Alerts", HtmlWriter.Count(report.Alerts.Count));
        Fact("Slots open", HtmlWriter.Count(report.Chart.Open.Count));
        Fact("Keys", HtmlWriter.Count(masters.Sum(node => node.KeyCount ?? 0)));
        Fact("Memory", HtmlWriter.Bytes(masters.Sum(node => node.UsedMemory ?? 0)));
        Fact("Servers", string.Join(", ", nodes.Where(node => node.Version is not null).Select(node => node.Engine + " " + node.Version).Distinct()));
        page.Markup("</dl>\n");

        void Fact(string name, string value) => page.Markup("<div><dt>").Text(name).Markup("</dt><dd>").Text(value.Length == 0 ? "–" : value).Markup("</dd></div>");
    }
}
