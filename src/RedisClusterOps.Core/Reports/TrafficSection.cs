using System.Globalization;
using System.Linq;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Reports;

/// <summary>What the nodes do for their clients, and which libraries these use.</summary>
internal static class TrafficSection
{
    private const int MostLibraries = 50;
    private const string Errors = "Errors that clients get, and what to run";

    public static void Write(HtmlWriter page, ClusterReport report)
    {
        if (report.Traffic.Count == 0 && report.TrafficTrouble is null && report.Clients is null)
            return;
        page.Markup("<section>\n<h2>Clients</h2>\n");
        if (report.TrafficTrouble is not null)
            page.Markup("<p>The traffic was not measured: ").Text(report.TrafficTrouble).Markup("</p>\n");
        if (report.Traffic.Count > 0)
            WriteTraffic(page, report);
        if (report.Clients is { } clients)
            WriteLibraries(page, clients);
        page.Markup("</section>\n");
    }

    private static void WriteTraffic(HtmlWriter page, ClusterReport report)
    {
        page.Markup("<p class=\"soft\">Per second, over ").Text(Seconds(report)).Markup(" s.</p>\n")
            .Table("Traffic", "Node", ">Ops", ">In", ">Out", ">Clients", ">MOVED", ">ASK", Errors);
        foreach (var node in report.Traffic)
        {
            page.Markup("<tr role=\"row\">")
                .Cell("Node", node.Node).Cell(">Ops", Rate(node.OperationsPerSecond))
                .Cell(">In", HtmlWriter.Bytes((long?)node.InputBytesPerSecond))
                .Cell(">Out", HtmlWriter.Bytes((long?)node.OutputBytesPerSecond))
                .Cell(">Clients", HtmlWriter.Count(node.ConnectedClients))
                .Cell(">MOVED", Rate(node.MovedPerSecond)).Cell(">ASK", Rate(node.AskPerSecond))
                .Cell(Errors, cell => WriteErrors(cell, node)).Markup("</tr>\n");
        }

        page.EndTable();
    }

    private static void WriteErrors(HtmlWriter cell, RedisClusterTraffic node)
    {
        cell.Text(node.Trouble ?? "–");
        if (node.Next is { } next)
            cell.Markup("<p>Next: <code>").Next(next).Markup("</code></p>");
    }

    private static void WriteLibraries(HtmlWriter page, ClientKinds clients)
    {
        if (clients.Libraries.Count > 0)
        {
            page.Table("Connections by client library", "Library", "Version", ">Connections", ">Nodes");
            foreach (var library in clients.Libraries.Take(MostLibraries))
            {
                page.Markup("<tr role=\"row\">")
                    .Cell("Library", library.Name.Length > 0 ? library.Name : "not reported").Cell("Version", library.Version)
                    .Cell(">Connections", HtmlWriter.Count(library.Connections)).Cell(">Nodes", HtmlWriter.Count(library.Nodes.Count))
                    .Markup("</tr>\n");
            }

            page.EndTable();
        }
        else if (clients.Unread.Count == 0)
        {
            page.Markup("<p>No client is connected.</p>\n");
        }

        if (clients.Libraries.Count > MostLibraries)
            page.Markup("<p class=\"soft\">And ").Text(clients.Libraries.Count - MostLibraries).Markup(" more.</p>\n");
        if (clients.Unread.Count > 0)
        {
            page.Markup("<p class=\"soft\">CLIENT LIST is not allowed or not answered on ")
                .Text(string.Join(", ", clients.Unread.Take(3)) + (clients.Unread.Count > 3 ? " and other nodes" : string.Empty))
                .Markup(".</p>\n");
        }
    }

    private static string Rate(double? rate) => rate?.ToString("#,##0.#", CultureInfo.InvariantCulture) ?? "–";

    private static string Seconds(ClusterReport report) =>
        report.Traffic.Max(node => node.Interval).TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
}
