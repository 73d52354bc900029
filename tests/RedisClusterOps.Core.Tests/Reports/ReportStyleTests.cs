using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using RedisClusterOps.Reports;
using Xunit;
using static RedisClusterOps.Core.Tests.Reports.ReportPageTests;

namespace RedisClusterOps.Core.Tests.Reports;

/// <summary>The look of the report: labelled, readable on screens, phones and paper, with every slot in its color.</summary>
public sealed class ReportStyleTests
{
    private static readonly RedisClusterSession Session = UnhealthyCluster.Session;

    [Fact]
    public void It_loads_nothing_and_labels_its_pictures_and_tables()
    {
        var page = Page(UnhealthyCluster.Report());
        Assert.DoesNotContain(page.Descendants(), element => element.Name.LocalName is "script" or "link" or "img" or "iframe");
        Assert.DoesNotContain("http", page.Descendants("style").Single().Value);
        Assert.Equal("en", (string?)page.Root!.Attribute("lang"));
        Assert.Single(page.Descendants("h1"));
        Assert.All(page.Descendants("svg"), svg => Assert.Equal("img", (string?)svg.Attribute("role")));
        Assert.All(page.Descendants("svg"), svg => Assert.NotEmpty(svg.Elements("title").Single().Value));
        Assert.All(page.Descendants("table"), table => Assert.NotEmpty(table.Elements("caption").Single().Value));
        // On a narrow screen each cell shows its heading.
        Assert.All(page.Descendants("td"), cell => Assert.NotEmpty((string?)cell.Attribute("data-label") ?? string.Empty));
        Assert.All(page.Descendants("tr"), row => Assert.Equal(Headings(row), row.Elements("td").Concat(row.Elements("th")).Count()));
        var ids = page.Descendants().Attributes("id").Select(id => id.Value).ToList();
        Assert.Equal(ids.Distinct(), ids);

        static int Headings(XElement row) => row.Ancestors("table").Single().Descendants("th").Count();
    }

    [Theory]
    [InlineData("@media screen and (prefers-color-scheme:dark)")]
    [InlineData("@media screen and (max-width:")]
    [InlineData("@media print")]
    public void It_has_styles_for_dark_screens_phones_and_paper(string rule) => Assert.Contains(rule, Written(UnhealthyCluster.Report()));

    // WCAG 2: a contrast of 4.5 for text, 3 for areas beside the page.
    [Fact]
    public void Text_is_readable_on_every_color_and_every_color_is_visible_on_the_page()
    {
        var css = ReportStyle.Css.Split("@media", 3);
        foreach (var scheme in css.Take(2).Select(Colors))
        {
            foreach (var fill in scheme.Where(color => color.Key.StartsWith('m')))
            {
                var isReadable = Contrast(fill.Value, scheme["on"]) >= 4.5 && Contrast(fill.Value, scheme["page"]) >= 3;
                Assert.True(isReadable, fill.Key + " " + fill.Value);
            }

            foreach (var text in new[] { "ink", "soft", "error", "warning", "good" })
                Assert.True(Contrast(scheme[text], scheme["page"]) >= 4.5, text);
            foreach (var back in new[] { "good", "error", "disputed", "gone" })
                Assert.True(Contrast(scheme[back], scheme["on"]) >= 4.5, back);
            Assert.True(Contrast(scheme["ink"], scheme["code"]) >= 4.5);
        }

        static Dictionary<string, string> Colors(string part) => Regex
            .Matches(part, "--([a-z0-9]+):(#[0-9a-f]{6});")
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
    }

    [Fact]
    public void Every_slot_is_drawn_once_in_the_color_of_its_master_in_both_charts()
    {
        var chart = Charts.Even(5, open: "1,5,5519", uncovered: "16000");
        var report = new ClusterReport(new RedisClusterHealth { Cluster = Session }, chart, [], DateTime.UnixEpoch, null);
        foreach (var (kind, perRow, height) in new[] { ("map wide", 1024, 31), ("map narrow", 512, 25) })
        {
            var svg = Page(report).Descendants("svg").Single(one => (string?)one.Attribute("class") == kind);
            foreach (var master in chart.Masters)
            {
                var path = svg.Elements("path").Single(one => (string?)one.Attribute("class") == "m" + master.Index);
                var drawn = Regex.Matches((string)path.Attribute("d")!, @"M(\d+) (\d+)h(\d+)v").SelectMany(run => Enumerable.Range(
                    Number(run, 2) / height * perRow + Number(run, 1) - 52, Number(run, 3)));
                Assert.Equal(master.Slots.Slots, drawn);
            }

            var open = svg.Elements("path").Single(one => (string?)one.Attribute("class") == "open");
            Assert.Equal(3, Regex.Count((string)open.Attribute("d")!, "M"));
        }

        static int Number(Match run, int group) => int.Parse(run.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    private static double Contrast(string one, string other)
    {
        var (a, b) = (Light(one), Light(other));
        return (Math.Max(a, b) + 0.05) / (Math.Min(a, b) + 0.05);

        static double Light(string color)
        {
            var parts = Enumerable.Range(0, 3)
                .Select(i => int.Parse(color.AsSpan(1 + 2 * i, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0)
                .Select(part => part <= 0.04045 ? part / 12.92 : Math.Pow((part + 0.055) / 1.055, 2.4))
                .ToArray();
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        }
    }
}
