using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using RedisClusterOps.Reports;
using Xunit;

namespace RedisClusterOps.Core.Tests.Reports;

/// <summary>The content of the report: complete, short, and harmless whatever is in it.</summary>
public sealed class ReportPageTests : IDisposable
{
    // Ends elements, attributes and comments, begins scripts, controls terminals, and changes the direction of writing.
    private const string Hostile = "\"'><script>alert(1)</script><!-- & \u001b[31m\u009b\0\u202e\u2028\ud800 😀 javascript:x";

    private static readonly RedisClusterSession Session = UnhealthyCluster.Session;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-report-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void It_shows_findings_map_open_slots_nodes_the_last_migration_and_the_history()
    {
        var page = Page(UnhealthyCluster.Report());
        var text = string.Join(' ', page.Descendants("body").Single().DescendantNodes().OfType<XText>().Select(node => node.Value.Trim()));
        string[] shown =
        [
            "Redis Cluster 10.0.0.1:6379",
            "2026-01-02 03:04:05 UTC",
            "Not healthy: 1 error, 1 warning",
            "1 finding is listed under Alerts.",
            "ReplicaLag 10.0.0.9:6379",
            "Complete-RedisSlotMigration -Slot 5519",
            "clients wait",
            "1 open: 5519", "2 disputed: 7, 9", "101 uncovered: 14000-14100",
            "10.0.0.2:6379", "5,461", "33.33 %", "100", "50 (33 %)", "1.5M of 3.0M", "120,000",
            "Replica of 10.0.0.0:6379", "link to its master down",
            "Rebalance 20260101T000000Z-aaaaaa", "2 slots moved", "+2", "-1", "old:1, no longer a master",
            "Interrupted, can be resumed", "bob on host",
            "12,345.6", "1.5M", "17", "2 CROSSSLOT/s", "Get-RedisKeySlot -Key <key>   (one hash tag)",
            "lettuce", "6.1", "40", "not reported", "CLIENT LIST is not allowed or not answered on 10.0.0.3:6379",
        ];
        Assert.All(shown, part => Assert.Contains(part, text));
        Assert.Equal(
            [
                "Alerts", "Findings", "Slot map", "Open slots", "Nodes", "Clients",
                "Before and after the last migration", "History of migrations",
            ],
            page.Descendants("h2").Select(heading => heading.Value));
    }

    [Fact]
    public void A_healthy_cluster_has_a_short_page()
    {
        var node = new RedisClusterNode { Id = Charts.Id(0), Endpoint = "10.0.0.0:6379", SlotCount = 16384 };
        var health = new RedisClusterHealth { Healthy = true, Nodes = [node], Cluster = Session };
        var page = Page(new ClusterReport(health, Charts.Even(1), [], DateTime.UnixEpoch, null)).ToString();
        Assert.DoesNotContain("without progress", page);
        foreach (var told in new[] { "Healthy", "None.", "has no migration of this cluster" })
            Assert.Contains(told, page);
        Assert.DoesNotContain("Before and after", page);
        const string NotRead = "The journal can't be read at '/x': no rights.";
        var unread = Written(new ClusterReport(health, Charts.Even(1), [], DateTime.UnixEpoch, NotRead));
        Assert.Contains("The journal can&#39;t be read at &#39;/x&#39;: no rights.", unread);
    }

    [Fact]
    public void An_alert_has_its_time_or_its_shortest_time_and_the_command()
    {
        var page = Page(UnhealthyCluster.Report());
        var alerts = page.Descendants("section").Single(section => section.Element("h2")!.Value == "Alerts");
        Assert.Equal(
            [
                "✖ Error SlotStuck 5519 since 2026-01-02 02:33:00 UTC"
                    + "Stuck at 33 % for 31 min."
                    + "Next: Complete-RedisSlotMigration -Slot 5519",
                "▲ Warning NodePFail 10.0.0.3:6379 since at least 2026-01-02 03:00:00 UTC"
                    + "At least one node can't reach it."
                    + "Next: Get-RedisClusterNode -Node 10.0.0.3:6379",
            ],
            alerts.Descendants("li").Select(item => item.Value));
        Assert.Contains("An open slot becomes an alert after 30 min without progress.", alerts.Value);
        Assert.DoesNotContain("It is unknown how long", alerts.Value);
        var facts = page.Descendants("dl").Single().Elements("div");
        Assert.Equal("2", facts.Single(fact => fact.Element("dt")!.Value == "Alerts").Element("dd")!.Value);
    }

    [Fact]
    public void Equal_findings_are_one_row_and_an_alert_is_not_repeated_as_a_finding()
    {
        var down = new RedisClusterFinding
        {
            Code = FindingCode.ClusterStateFail,
            Severity = FindingSeverity.Error,
            Message = "It answers CLUSTERDOWN.",
        };
        var health = new RedisClusterHealth
        {
            Findings =
            [
                down with { Target = "a:1" },
                down with { Target = "b:1" },
                down with { Target = "c:1", Message = "Otherwise." },
                down with { Target = "d:1" },
            ],
            Cluster = Session,
        };
        var alert = new RedisClusterAlert
        {
            Code = AlertCode.ClusterStateFail,
            Severity = FindingSeverity.Error,
            Target = "d:1",
            Message = "It answers CLUSTERDOWN. First seen now.",
        };
        var report = new ClusterReport(health, Charts.Even(1), [], DateTime.UnixEpoch, null)
        {
            Alerts = [alert, alert with { Target = "e:1" }, alert with { Target = "f:1", Since = DateTime.UnixEpoch }],
        };
        var sections = Page(report).Descendants("section");
        Assert.Equal(["d:1, e:1", "f:1"], Targets("Alerts"));
        Assert.Equal(["a:1, b:1", "c:1"], Targets("Findings"));

        IEnumerable<string> Targets(string heading) => sections.Single(section => section.Element("h2")!.Value == heading).Descendants("li")
            .Select(item => item.Nodes().OfType<XText>().First().Value.Trim().Replace("ClusterStateFail ", string.Empty));
    }

    // No alert is not all well.
    [Fact]
    public void Open_slots_of_unknown_age_are_marked()
    {
        var open = new RedisOpenSlot { Slot = 1, State = RedisOpenSlotState.Migrating };
        var health = new RedisClusterHealth
        {
            OpenSlots =
            [
                open,
                open with { Slot = 2 },
                open with { Slot = 3, Since = DateTime.UnixEpoch },
                open with { Slot = 4, State = RedisOpenSlotState.Unowned },
            ],
            Cluster = Session,
        };
        var report = new ClusterReport(health, Charts.Even(1), [], DateTime.UnixEpoch, null) { StuckAfter = TimeSpan.FromHours(2) };
        var alerts = Page(report).Descendants("section").First().Value;
        Assert.Contains(
            "An open slot becomes an alert after 2 h 0 min without progress. It is unknown how long 2 open slots have been open",
            alerts);
        Assert.Contains("None.", alerts);
    }

    [Fact]
    public void Foreign_text_is_never_markup_and_no_script_runs()
    {
        var written = Written(UnhealthyCluster.Report(Hostile));
        Assert.DoesNotContain("<script", written, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<!-- ", written, StringComparison.Ordinal);
        Assert.DoesNotContain(written, c => char.IsControl(c) && c != '\n');
        Assert.DoesNotContain(
            written,
            c => char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator);
        // It parses, and the elements are those that a harmless name gives.
        Assert.Equal(Elements(Page(UnhealthyCluster.Report())), Elements(Page(UnhealthyCluster.Report(Hostile))));
        Assert.Contains("default-src 'none'", written);
        Assert.DoesNotContain("s3cret", written);
        var attributes = Page(UnhealthyCluster.Report(Hostile)).Descendants().Attributes().Select(attribute => attribute.Name).ToList();
        Assert.DoesNotContain(attributes, name => name.LocalName.StartsWith("on", StringComparison.Ordinal));
        Assert.DoesNotContain(attributes, name => name == "href" || name == "src");

        static string Elements(XDocument page) => string.Join(
            ' ',
            page.Descendants().Select(element => element.Name.LocalName + "." + (string?)element.Attribute("class")));
    }

    [Fact]
    public void A_large_fragmented_cluster_is_a_page_that_a_phone_can_load()
    {
        const int Masters = 300;
        var slots = Enumerable.Range(0, 16384).ToList();
        var masters = Enumerable.Range(0, Masters)
            .Select(i => Charts.Master(i, "10.0.0." + i + ":6379", string.Join(",", slots.Where(slot => slot % Masters == i))))
            .ToArray();
        var open = slots.Select(slot => new RedisOpenSlot
        {
            Slot = slot,
            State = RedisOpenSlotState.Migrating,
            KeysOnSource = slot,
            Next = new NextAction(NextActionCode.Complete) { Slots = slot.ToString(CultureInfo.InvariantCulture) },
        });
        var health = new RedisClusterHealth
        {
            Cluster = Session,
            OpenSlots = [.. open],
            Findings = [.. slots.Select(slot => new RedisClusterFinding { Target = "slot " + slot, Message = "It is slot " + slot })],
        };
        var written = Written(new ClusterReport(health, Charts.Of(masters), [], DateTime.UnixEpoch, null));
        Assert.InRange(written.Length, 100_000, 2_500_000);
        Assert.Contains("And 16,184 more: <code>Get-RedisOpenSlot</code>", written);
        Assert.Contains("And 16,184 more: <code>Get-RedisClusterHealth</code>", written);
    }

    [Fact]
    public void Neighbouring_slots_with_the_same_text_are_one_row()
    {
        var health = new RedisClusterHealth
        {
            OpenSlots = [Unowned(5), Unowned(6), Unowned(7), Unowned(9), Unowned(10) with { KeysOnTarget = 3 }],
            Cluster = Session,
        };
        var page = Page(new ClusterReport(health, Charts.Even(1), [], DateTime.UnixEpoch, null));
        var table = page.Descendants("table").Single(table => table.Element("caption")!.Value == "Open slots");
        var cells = table.Descendants("td")
            .Where(cell => (string?)cell.Attribute("data-label") is "Slot" or "Clients see, and what to run");
        Assert.Equal(
            [
                "5-7", "nothingNext: Repair-RedisCluster",
                "9", "nothingNext: Repair-RedisCluster -Slot 9",
                "10", "nothingNext: Repair-RedisCluster -Slot 10",
            ],
            cells.Select(cell => cell.Value));

        static RedisOpenSlot Unowned(int slot) => new()
        {
            Slot = slot,
            State = RedisOpenSlotState.Unowned,
            ClientsSee = "nothing",
            Next = new NextAction(NextActionCode.Repair) { Slots = slot.ToString(CultureInfo.InvariantCulture) },
        };
    }

    [Fact]
    public void The_file_is_private_replaced_as_a_whole_and_kept_on_request()
    {
        var path = Path.Combine(_folder.FullName, "report.html");
        File.WriteAllText(path, "old");
        UnhealthyCluster.Report().Save(path, keepsOld: false);
        Assert.StartsWith("<!DOCTYPE html>", File.ReadAllText(path));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        var kept = Refused(path, keepsOld: true);
        Assert.Equal((FailureCode.ReportNotWritten, true), (kept.Code, kept.Message.Contains("the file already exists")));
        var none = Refused(Path.Combine(_folder.FullName, "no", "report.html"), keepsOld: false);
        Assert.Equal(FailureCode.ReportNotWritten, none.Code);
        Assert.Contains("it is a folder", Refused(_folder.FullName, keepsOld: false).Message);
        Assert.Equal([path], Directory.GetFiles(_folder.FullName));
    }

    private static RedisOperationException Refused(string path, bool keepsOld) =>
        Assert.Throws<RedisOperationException>(() => UnhealthyCluster.Report().Save(path, keepsOld));

    internal static string Written(ClusterReport report) => ReportPage.Write(report with { NextActionText = NextActionText.Of });

    /// <summary>Parsed as strict XML, which a browser would not demand.</summary>
    internal static XDocument Page(ClusterReport report)
    {
        var written = Written(report).Replace("<!DOCTYPE html>", string.Empty);
        return XDocument.Parse(Regex.Replace(written, "<meta ([^>]*)>", "<meta $1/>"));
    }
}
