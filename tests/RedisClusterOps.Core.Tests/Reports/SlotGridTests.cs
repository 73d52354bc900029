using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using RedisClusterOps.Reports;
using Xunit;

namespace RedisClusterOps.Core.Tests.Reports;

/// <summary>The picture of a cluster in a terminal.</summary>
public sealed partial class SlotGridTests
{
    private static readonly ScreenTraits Plain = new(80, Unicode: false, Color: false);

    [Fact]
    public void A_healthy_cluster_is_letters_and_a_legend_with_shares()
    {
        var lines = Draw(Charts.Even(3), Plain);
        Assert.Equal("    0 " + new string('A', 64), lines[0]);
        Assert.Equal(" 5120 " + new string('A', 21) + new string('B', 43), lines[5]);
        Assert.Equal("15360 " + new string('C', 64), lines[15]);
        Assert.Equal(
            [
                "",
                "A 10.0.0.0:6379   5,462  33.34 %  ###########",
                "B 10.0.0.1:6379   5,461  33.33 %  ###########",
                "C 10.0.0.2:6379   5,461  33.33 %  ###########",
                "16 slots a character",
            ],
            lines.Skip(16));
    }

    [Fact]
    public void Problem_slots_are_marked_by_the_worst_of_a_cell_and_listed()
    {
        var chart = Charts.Even(2, open: "5519,0", disputed: "0,8192-8193", uncovered: "16383");
        var plain = Draw(chart, Plain);
        Assert.Equal("    0 ?" + new string('A', 63), plain[0]);
        // 5519 = 5 * 1024 + 24 * 16 + 15.
        Assert.Equal(" 5120 " + new string('A', 24) + "*" + new string('A', 39), plain[5]);
        Assert.Equal(" 8192 ?" + new string('B', 63), plain[8]);
        Assert.Equal("15360 " + new string('B', 63) + "!", plain[15]);
        Assert.Equal(
            ["* open           2  0 5519", "? disputed       3  0 8192-8193", "! uncovered      1  16383"],
            plain.Skip(19).Take(3));
        Assert.Equal(
            ["◆ open           2  0 5519", "? disputed       3  0 8192-8193", "× uncovered      1  16383"],
            Draw(chart, Plain with { Unicode = true }).Skip(19).Take(3));
    }

    [Fact]
    public void Slots_of_a_master_that_is_down_are_uncovered_and_its_state_is_shown()
    {
        var up = Charts.Master(0, "10.0.0.1:1", "0-8191");
        var down = Charts.Master(1, "10.0.0.2:1", "8192-16383", RedisNodeState.Fail);
        var lines = Draw(Charts.Of(up, down), Plain);
        Assert.Equal(" 8192 " + new string('!', 64), lines[8]);
        Assert.Equal("A 10.0.0.1:1   8,192  50.00 %        ################", lines[17]);
        Assert.StartsWith("B 10.0.0.2:1   8,192  50.00 %  Fail  #", lines[18]);
        Assert.Equal("! uncovered  8,192  8192-16383", lines[19]);
    }

    [Fact]
    public void A_cell_of_several_masters_has_the_letter_of_the_one_with_most_slots()
    {
        var lines = Draw(Charts.Of(Charts.Master(0, "a:1", "0-4,16-24,32-16383"), Charts.Master(1, "b:1", "5-15,25-31")), Plain);
        Assert.StartsWith("    0 BAAA", lines[0]);
    }

    [Fact]
    public void A_master_without_slots_is_in_the_legend_and_a_map_without_masters_is_drawn()
    {
        var chart = Charts.Of(Charts.Master(0, "old:1", "0-16383"), Charts.Master(1, "new:1", null));
        Assert.Contains("B new:1       0   0.00 %", Draw(chart, Plain));
        var empty = Draw(Charts.Of(), Plain);
        Assert.Equal("    0 " + new string('!', 64), empty[0]);
        Assert.Contains("! uncovered 16,384  0-16383", empty);
    }

    public static TheoryData<int, int, bool, bool> Screens()
    {
        var screens = new TheoryData<int, int, bool, bool>();
        foreach (var width in new[] { 40, 41, 60, 69, 70, 80, 120, 133, 134, 200 })
        {
            foreach (var masters in new[] { 1, 3, 16, 17, 62, 63, 300 })
                screens.Add(width, masters, width % 2 == 0, masters % 2 == 0);
        }

        return screens;
    }

    [Theory, MemberData(nameof(Screens))]
    public void It_fits_any_screen_with_any_number_of_masters(int width, int masters, bool unicode, bool color)
    {
        var chart = Charts.Even(masters, open: "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31", uncovered: "16000-16100");
        var lines = SlotGrid.Draw(chart, new ScreenTraits(width, unicode, color));
        Assert.All(lines, line => Assert.InRange(line.ToString().Length, 0, width));
        Assert.Single(lines.Take(16).Select(line => line.Spans.Sum(span => span.Text.Length)).Distinct());
        // Every master is in the legend, with its number of slots.
        var legend = string.Join(" ", lines.Skip(16));
        Assert.All(
            chart.Masters,
            master => Assert.Matches(" " + Regex.Escape(master.Name) + " +" + HtmlWriter.Count(master.Slots.Count) + " ", legend));
        // And in the picture, as its letter and, where there are colours, its colour.
        var cells = string.Concat(lines.Take(16).Select(line => line.ToString()[6..]));
        Assert.All(chart.Masters.Where(_ => masters <= 62), master => Assert.Contains(master.Symbol, cells, StringComparison.Ordinal));
        if (color)
        {
            var papers = lines.Take(16).SelectMany(line => line.Spans).Select(span => span.Paper).ToHashSet();
            Assert.Subset(papers, chart.Masters.Select(master => (int?)MapPalette.Paper(master.Index)).ToHashSet());
        }

        if (!unicode)
            Assert.All(lines, line => Assert.DoesNotContain(line.ToString(), c => c is < ' ' or > '~'));
        if (!color)
            Assert.All(lines.SelectMany(line => line.Spans), span => Assert.Equal((null, null), (span.Ink, span.Paper)));
        Assert.Equal(masters > 62, legend.Contains("letters repeat", StringComparison.Ordinal));
    }

    [Fact]
    public void A_colored_map_has_the_same_text_and_ends_its_colors_with_each_line()
    {
        var chart = Charts.Even(4, open: "5519");
        var lines = SlotGrid.Draw(chart, new ScreenTraits(80, Unicode: true, Color: true));
        Assert.Equal("\u001b[38;5;16;48;5;32mA" + new string(' ', 63) + "\u001b[0m", lines[0].ToAnsi()[6..]);
        Assert.Contains("\u001b[38;5;16;48;5;231m◆\u001b[0m\u001b[38;5;16;48;5;220m ", lines[5].ToAnsi());
        foreach (var line in lines)
        {
            Assert.Equal(line.ToString(), Escape().Replace(line.ToAnsi(), string.Empty).TrimEnd());
            Assert.Equal(0, Escape().Count(line.ToAnsi()) % 2);
        }
    }

    [Fact]
    public void A_name_that_is_too_long_keeps_its_end_and_one_that_is_not_ascii_is_shown_as_far_as_it_goes()
    {
        var name = new string('h', 100) + ".example.é:6379";
        var chart = Charts.Of(Charts.Master(0, name, "0-16383"));
        Assert.Contains(
            Draw(chart, new ScreenTraits(60, true, false)),
            line => line.StartsWith("A …", StringComparison.Ordinal)
                && line.Contains(".example.é:6379  16,384", StringComparison.Ordinal));
        Assert.Contains(
            Draw(chart, new ScreenTraits(60, false, false)),
            line => line.StartsWith("A ..h", StringComparison.Ordinal)
                && line.Contains(".example.?:6379  16,384", StringComparison.Ordinal));
    }

    [Fact]
    public void The_object_has_the_data_and_its_text_has_no_color()
    {
        var session = RedisClusterSession.Parse("redis://bob:s3cret@10.0.0.1:6379");
        var map = RedisSlotMap.Of(Charts.Even(3, open: "5519", disputed: "7-9"), new ScreenTraits(80, true, true), session);
        Assert.Equal(("5519", "7-9", 0), (Assert.Single(map.OpenSlots), Assert.Single(map.DisputedSlots), map.UncoveredSlots.Count));
        Assert.Equal((3, "A", 5462, 33.34), (map.Masters.Count, map.Masters[0].Symbol, map.Masters[0].SlotCount, map.Masters[0].Share));
        Assert.Contains('\u001b', string.Concat(map.Picture));
        Assert.DoesNotContain('\u001b', map.ToString());
        Assert.Equal(map.Picture.Count, map.ToString().Split(Environment.NewLine).Length);
        Assert.DoesNotContain("s3cret", map.ToString() + map.Cluster);
    }

    [Fact]
    public void A_view_gives_open_disputed_and_uncovered_slots()
    {
        var scene = ClusterScene.Stable()
            .Migrating("S", "T")
            .BelievedToOwn("X", "8192-9999,10001-16383")
            .Claims("X", "8192-9998,10000-16383");
        var chart = SlotChart.Of(scene.View());
        Assert.Equal(("5519", "9999", "9999-10000"), (chart.Open.ToString(), chart.Uncovered.ToString(), chart.Disputed.ToString()));
        Assert.Equal(SlotMark.Uncovered, chart.MarkOf(9999));
        Assert.Equal(3, chart.Masters.Count);
        Assert.Equal("0-8191", SlotChart.Of(ClusterScene.Stable().Down("S").View()).Uncovered.ToString());
    }

    private static List<string> Draw(SlotChart chart, ScreenTraits screen) =>
        [.. SlotGrid.Draw(chart, screen).Select(line => line.ToString())];

    [GeneratedRegex("\u001b\\[[0-9;]*m")]
    private static partial Regex Escape();
}
