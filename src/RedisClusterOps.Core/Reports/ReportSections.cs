using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps.Reports;

/// <summary>The slot map with its legend.</summary>
internal static class MapSection
{
    public static void Write(HtmlWriter page, SlotChart chart)
    {
        page.Markup("<section>\n<h2>Slot map</h2>\n");
        SlotSvg.WriteMap(page, chart);
        var marks = new[] { SlotMark.Open, SlotMark.Disputed, SlotMark.Uncovered }.Where(mark => chart.Marked(mark).Count > 0).ToList();
        if (marks.Count > 0)
            page.Markup("<ul class=\"marks\">\n");
        foreach (var mark in marks)
        {
            page.Markup("<li><span class=\"swatch " + MapPalette.Word(mark) + "\">" + MapPalette.Sign(mark, unicode: true) + "</span>")
                .Text(chart.Marked(mark).Count).Markup(" ")
                .Text(MapPalette.Word(mark) + ": " + chart.Marked(mark).ToString().Replace(",", ", ")).Markup("</li>\n");
        }

        if (marks.Count > 0)
            page.Markup("</ul>\n");
        page.Table("Masters and their slots", "Master", ">Slots", ">Share", "Ranges");
        foreach (var master in chart.Masters)
        {
            page.Markup("<tr role=\"row\">")
                .Cell("Master", cell => cell.Swatch(master).Text(master.Name))
                .Cell(">Slots", HtmlWriter.Count(master.Slots.Count)).Cell(">Share", HtmlWriter.Percent(master.Share))
                .Cell("Ranges", master.Slots.ToString().Replace(",", ", ")).Markup("</tr>\n");
        }

        page.EndTable().Markup("</section>\n");
    }

    public static HtmlWriter Swatch(this HtmlWriter page, ChartedMaster master) => page.Markup(
        "<span class=\"swatch m" + (master.Index % MapPalette.Count).ToString(CultureInfo.InvariantCulture) + "\">"
            + master.Symbol + "</span>");
}

/// <summary>The slots that are open, disputed or without an owner.</summary>
internal static class SlotSection
{
    private const int Most = 200;
    private const string Clients = "Clients see, and what to run";

    public static void Write(HtmlWriter page, IReadOnlyList<RedisOpenSlot> slots)
    {
        page.Markup("<section>\n<h2>Open slots</h2>\n");
        if (slots.Count == 0)
        {
            page.Markup("<p>None.</p>\n</section>\n");
            return;
        }

        page.Table("Open slots", ">Slot", "State", "From", "To", ">Keys left", ">Moved", "Since", Clients);
        var rows = Rows(slots).ToList();
        foreach (var (slot, last) in rows.Take(Most))
        {
            var percent = slot.PercentComplete is { } known ? " (" + HtmlWriter.Percent(known) + ")" : string.Empty;
            page.Markup("<tr role=\"row\">")
                .Cell(">Slot", new SlotRange(slot.Slot, last).ToString()).Cell("State", slot.State.ToString())
                .Cell("From", slot.Source).Cell("To", slot.Target)
                .Cell(">Keys left", HtmlWriter.Count(slot.KeysOnSource)).Cell(">Moved", HtmlWriter.Count(slot.KeysOnTarget) + percent)
                .Cell("Since", cell => Since(cell, slot.Since))
                .Cell(Clients, cell => Next(cell.Text(slot.ClientsSee), slot.Next, isOne: last == slot.Slot)).Markup("</tr>\n");
        }

        page.EndTable();
        ReportPage.More(page, rows.Count - Most, NextActionCode.ShowOpenSlots);
        page.Markup("</section>\n");
    }

    // Adjacent slots that differ only in their number are one row, such as all slots of a lost master.
    private static IEnumerable<(RedisOpenSlot First, int Last)> Rows(IReadOnlyList<RedisOpenSlot> slots)
    {
        for (var i = 0; i < slots.Count; i++)
        {
            var first = slots[i];
            while (i + 1 < slots.Count && slots[i + 1].Slot == slots[i].Slot + 1 && AreAlike(slots[i + 1], first))
                i++;
            yield return (first, slots[i].Slot);
        }
    }

    private static bool AreAlike(RedisOpenSlot slot, RedisOpenSlot first) =>
        slot with { Slot = first.Slot, Next = first.Next, Advice = first.Advice } == first
            && WithoutSlots(slot.Next) == WithoutSlots(first.Next);

    private static NextAction? WithoutSlots(NextAction? next) => next is null ? null : next with { Slots = null };

    // For a row of several slots the action covers all slots that need it, which include these.
    private static void Next(HtmlWriter cell, NextAction? next, bool isOne)
    {
        if ((isOne ? next : WithoutSlots(next)) is { } shown)
            cell.Markup("<p>Next: <code>").Next(shown).Markup("</code></p>");
    }

    private static void Since(HtmlWriter cell, DateTime? since)
    {
        if (since is { } known)
            cell.Time(known);
        else
            cell.Text("–");
    }
}

/// <summary>Every node with its load and its replication.</summary>
internal static class NodeSection
{
    public static void Write(HtmlWriter page, ClusterReport report)
    {
        var masters = report.Chart.Masters.ToDictionary(master => master.Id, StringComparer.Ordinal);
        var names = report.Health.Nodes.ToDictionary(node => node.Id, node => node.Endpoint, StringComparer.Ordinal);
        page.Markup("<section>\n<h2>Nodes</h2>\n")
            .Table("Nodes", "Node", "Role", "State", ">Slots", ">Keys", ">Memory", ">Ops/s", ">CPU", ">Lag", "Server");
        foreach (var node in report.Health.Nodes)
        {
            var limit = node.MaxMemory > 0 ? " of " + HtmlWriter.Bytes(node.MaxMemory) : string.Empty;
            page.Markup("<tr role=\"row\">")
                .Cell("Node", cell => Name(cell, node, masters)).Cell("Role", Role(node, names)).Cell("State", cell => State(cell, node))
                .Cell(">Slots", node.Role == RedisNodeRole.Master ? HtmlWriter.Count(node.SlotCount) : null)
                .Cell(">Keys", HtmlWriter.Count(node.KeyCount)).Cell(">Memory", HtmlWriter.Bytes(node.UsedMemory) + limit)
                .Cell(">Ops/s", HtmlWriter.Count(node.OpsPerSecond))
                .Cell(">CPU", node.CpuPercent is { } cpu ? HtmlWriter.Percent(Math.Round(cpu, 1)) : null)
                .Cell(">Lag", HtmlWriter.Bytes(node.ReplicationLag))
                .Cell("Server", node.Version is null ? null : node.Engine + " " + node.Version).Markup("</tr>\n");
        }

        page.EndTable().Markup("</section>\n");
    }

    private static string Role(RedisClusterNode node, Dictionary<string, string> names) => node.MasterId is { } master
        ? "Replica of " + (names.TryGetValue(master, out var name) ? name : Short(master))
        : node.Role.ToString();

    private static void Name(HtmlWriter cell, RedisClusterNode node, Dictionary<string, ChartedMaster> masters)
    {
        if (masters.TryGetValue(node.Id, out var master))
            cell.Swatch(master);
        cell.Text(node.Endpoint).Markup("<small>").Text(Short(node.Id)).Markup("</small>");
    }

    private static void State(HtmlWriter cell, RedisClusterNode node)
    {
        var link = node.MasterLinkStatus == "down" ? ", link to its master down" : string.Empty;
        cell.Markup(node.State == RedisNodeState.Ok && link.Length == 0 ? "<span>" : "<span class=\"bad\">")
            .Text(node.State + link).Markup("</span>");
        if (node.Trouble is not null)
            cell.Markup("<small>").Text(node.Trouble).Markup("</small>");
    }

    private static string Short(string id) => id.Length > 8 ? id.Substring(0, 8) : id;
}
