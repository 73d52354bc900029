using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Reports;

/// <summary>Slots as rows of bars, exact to the slot however big the page: one path for each master, signs where a slot needs a look.</summary>
internal static class SlotSvg
{
    private const int Gap = 3;

    // Below this a letter, or a sign beside another, would cover more than it tells.
    private const double LetterRoom = 16;

    /// <summary>Chart in sixteen rows for a wide page, in thirty-two for a narrow one; which is shown is up to the style.</summary>
    public static void WriteMap(HtmlWriter page, SlotChart chart)
    {
        Write(page, chart, "wide", rows: 16, rowHeight: 28);
        Write(page, chart, "narrow", rows: 32, rowHeight: 22);
    }

    /// <summary>All slots in one row, for a before above an after.</summary>
    /// <param name="ownerOf">Index of a slot's owner among the masters; <see cref="SlotChart.Nobody"/> for none.</param>
    /// <param name="moved">Underlined.</param>
    public static void WriteStrip(HtmlWriter page, string name, int masters, Func<int, int> ownerOf, SlotSet moved)
    {
        WriteStrip("wide", 1024);
        WriteStrip("narrow", 480);

        void WriteStrip(string kind, int width)
        {
            page.Markup("<svg class=\"" + kind + "\" viewBox=\"0 0 " + Number(width) + " 44\" role=\"img\"><title>").Text(name).Markup("</title>");
            var sheet = new Sheet(HashSlot.Count, width, 0, 32);
            WriteOwners(page, sheet, masters, ownerOf);
            page.Markup("<path class=\"moved\" d=\"" + string.Concat(moved.Ranges.Select(range =>
            {
                var (x, wide) = Stretched(sheet.X(range.First), sheet.Wide(range.Count), width);
                return "M" + Number(x) + " 35h" + Number(wide) + "v6h-" + Number(wide) + "z";
            })) + "\"/></svg>\n");
        }
    }

    private static void Write(HtmlWriter page, SlotChart chart, string kind, int rows, int rowHeight)
    {
        var perRow = HashSlot.Count / rows;
        var sheet = new Sheet(perRow, perRow, 52, rowHeight);
        page.Markup("<svg class=\"map " + kind + "\" viewBox=\"0 0 " + Number(sheet.Left + perRow) + " " + Number(rows * (rowHeight + Gap)) + "\" role=\"img\"><title>")
            .Text("Slot map").Markup("</title><desc>").Text(Summary(chart)).Markup("</desc>");
        // Striped, for red is a master's colour too. Each of the two charts has its own: one that is not shown lends nothing.
        page.Markup("<defs>" + Stripes(kind, SlotMark.Disputed) + Stripes(kind, SlotMark.Uncovered) + "</defs>");
        for (var row = 0; row < rows; row++)
            page.Markup("<text class=\"label\" x=\"" + Number(sheet.Left - 6) + "\" y=\"" + Number(sheet.Baseline(row)) + "\">" + Number(row * perRow) + "</text>");
        WriteOwners(page, sheet, chart.Masters.Count, chart.OwnerOf, chart.Masters);
        foreach (var mark in new[] { SlotMark.Open, SlotMark.Disputed, SlotMark.Uncovered })
            WriteMarks(page, sheet, chart, mark, kind);
        page.Markup("</svg>\n");
    }

    private static string Stripes(string kind, SlotMark mark) =>
        "<pattern id=\"" + kind + "-" + MapPalette.Word(mark) + "\" class=\"" + MapPalette.Word(mark) + "\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(" + (mark == SlotMark.Disputed ? "-45" : "45") + ")\">"
        + "<rect class=\"page\" width=\"8\" height=\"8\"/><rect class=\"stripe\" width=\"3\" height=\"8\"/></pattern>";

    private static string Summary(SlotChart chart) =>
        string.Join("; ", chart.Masters.Where(master => master.Slots.Count > 0).Take(20).Select(master => master.Symbol + " " + master.Name + " " + HtmlWriter.Count(master.Slots.Count) + " slots"))
        + (chart.Masters.Count > 20 ? "; and more, in the list below" : string.Empty);

    private static void WriteOwners(HtmlWriter page, Sheet sheet, int masters, Func<int, int> ownerOf, IReadOnlyList<ChartedMaster>? named = null)
    {
        var letters = new List<(double X, double Y, int Owner)>();
        foreach (var owned in Runs(sheet, ownerOf).Where(run => run.Owner != SlotChart.Nobody).GroupBy(run => run.Owner).OrderBy(group => group.Key))
        {
            page.Markup("<path class=\"" + Class(owned.Key, masters) + "\" d=\"");
            foreach (var run in owned)
            {
                page.Markup("M" + Number(sheet.X(run.First)) + " " + Number(sheet.Y(run.Row)) + "h" + Number(sheet.Wide(run.Count)) + "v" + Number(sheet.Height) + "h-" + Number(sheet.Wide(run.Count)) + "z");
                if (sheet.Wide(run.Count) >= LetterRoom)
                    letters.Add((sheet.X(run.First) + 5, sheet.Baseline(run.Row), run.Owner));
            }

            page.Markup("\">");
            if (named is not null)
                page.Markup("<title>").Text(named[owned.Key].Symbol + " " + named[owned.Key].Name + ": " + HtmlWriter.Count(named[owned.Key].Slots.Count) + " slots").Markup("</title>");
            page.Markup("</path>");
        }

        page.Markup("<g class=\"letter\" aria-hidden=\"true\">");
        foreach (var letter in letters)
            page.Markup("<text x=\"" + Number(letter.X) + "\" y=\"" + Number(letter.Y) + "\">" + (letter.Owner < masters ? MapPalette.Symbol(letter.Owner) : "–") + "</text>");
        page.Markup("</g>");
    }

    private static void WriteMarks(HtmlWriter page, Sheet sheet, SlotChart chart, SlotMark mark, string kind)
    {
        var pieces = Runs(sheet, slot => chart.MarkOf(slot) == mark ? 0 : SlotChart.Nobody).Where(run => run.Owner == 0).ToList();
        if (pieces.Count == 0)
            return;
        page.Markup("<path class=\"" + MapPalette.Word(mark) + "\"" + (mark == SlotMark.Open ? string.Empty : " fill=\"url(#" + kind + "-" + MapPalette.Word(mark) + ")\"") + " d=\"");
        foreach (var piece in pieces)
        {
            var (x, width) = Stretched(sheet.X(piece.First), sheet.Wide(piece.Count), sheet.Left + sheet.Width);
            page.Markup("M" + Number(x) + " " + Number(sheet.Y(piece.Row)) + "h" + Number(width) + "v" + Number(sheet.Height) + "h-" + Number(width) + "z");
        }

        page.Markup("\"><title>").Text(MapPalette.Word(mark) + ": " + chart.Marked(mark)).Markup("</title></path><g class=\"sign\" aria-hidden=\"true\">");
        var (row, last) = (-1, 0.0);
        foreach (var piece in pieces)
        {
            var middle = sheet.X(piece.First) + sheet.Wide(piece.Count) / 2;
            if (piece.Row == row && middle - last < LetterRoom)
                continue;
            (row, last) = (piece.Row, middle);
            page.Markup("<text x=\"" + Number(middle) + "\" y=\"" + Number(sheet.Baseline(row)) + "\">" + MapPalette.Sign(mark, unicode: true) + "</text>");
        }

        page.Markup("</g>");
    }

    // One slot of 1024 would be less than a point wide: it is drawn as wide as can be seen.
    private static (double X, double Width) Stretched(double x, double width, double end) =>
        width >= 3 ? (x, width) : (Math.Min(Math.Max(0, x + width / 2 - 1.5), end - 3), 3);

    private static string Class(int owner, int masters) => owner < masters ? "m" + Number(owner % MapPalette.Count) : "gone";

    private static IEnumerable<(int Row, int First, int Count, int Owner)> Runs(Sheet sheet, Func<int, int> ownerOf)
    {
        for (var row = 0; row < HashSlot.Count / sheet.PerRow; row++)
        {
            var first = 0;
            for (var place = 1; place <= sheet.PerRow; place++)
            {
                var owner = ownerOf(row * sheet.PerRow + first);
                if (place < sheet.PerRow && ownerOf(row * sheet.PerRow + place) == owner)
                    continue;
                yield return (row, first, place - first, owner);
                first = place;
            }
        }
    }

    private static string Number(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>Where a slot is drawn.</summary>
    private sealed record Sheet(int PerRow, double Width, int Left, int Height)
    {
        public double X(int place) => Left + Wide(place);

        public double Wide(int slots) => slots * Width / PerRow;

        public double Y(int row) => row * (Height + Gap);

        public double Baseline(int row) => Y(row) + Height / 2.0 + 5;
    }
}
