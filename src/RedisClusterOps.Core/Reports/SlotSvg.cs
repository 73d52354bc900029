using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Reports;

/// <summary>
/// Draws slots as rows of bars, exact to the slot at any size: one path for each master, and signs at slots with a problem.
/// </summary>
internal static class SlotSvg
{
    private const int Gap = 3;

    // In less room a letter, or a sign beside another, would hide more than it shows.
    private const double LetterRoom = 16;

    /// <summary>Writes sixteen rows for a wide page and thirty-two for a narrow one. The style sheet shows one of them.</summary>
    public static void WriteMap(HtmlWriter page, SlotChart chart)
    {
        Write(page, chart, "wide", rows: 16, rowHeight: 28);
        Write(page, chart, "narrow", rows: 32, rowHeight: 22);
    }

    /// <summary>Writes all slots in one row, to compare before and after.</summary>
    /// <param name="page">The page.</param>
    /// <param name="name">The title.</param>
    /// <param name="masters">The number of masters.</param>
    /// <param name="ownerOf">Index of a slot's owner among the masters; <see cref="SlotChart.NoOwner"/> if there is none.</param>
    /// <param name="moved">The slots to underline.</param>
    public static void WriteStrip(HtmlWriter page, string name, int masters, Func<int, int> ownerOf, SlotSet moved)
    {
        WriteStrip("wide", 1024);
        WriteStrip("narrow", 480);

        void WriteStrip(string kind, int width)
        {
            page.Markup("<svg class=\"" + kind + "\" viewBox=\"0 0 " + Number(width) + " 44\" role=\"img\"><title>").Text(name)
                .Markup("</title>");
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
        var size = Number(sheet.Left + perRow) + " " + Number(rows * (rowHeight + Gap));
        page.Markup("<svg class=\"map " + kind + "\" viewBox=\"0 0 " + size + "\" role=\"img\"><title>")
            .Text("Slot map").Markup("</title><desc>").Text(Summary(chart)).Markup("</desc>");
        // Striped, because red is also a master's color. Each chart has its own patterns: those of a hidden chart have no effect
        // elsewhere.
        page.Markup("<defs>" + Stripes(kind, SlotMark.Disputed) + Stripes(kind, SlotMark.Uncovered) + "</defs>");
        for (var row = 0; row < rows; row++)
        {
            page.Markup("<text class=\"label\" x=\"" + Number(sheet.Left - 6) + "\" y=\"" + Number(sheet.Baseline(row)) + "\">")
                .Markup(Number(row * perRow) + "</text>");
        }

        WriteOwners(page, sheet, chart.Masters.Count, chart.OwnerOf, chart.Masters);
        foreach (var mark in new[] { SlotMark.Open, SlotMark.Disputed, SlotMark.Uncovered })
            WriteMarks(page, sheet, chart, mark, kind);
        page.Markup("</svg>\n");
    }

    private static string Stripes(string kind, SlotMark mark) =>
        "<pattern id=\"" + kind + "-" + MapPalette.Word(mark) + "\" class=\"" + MapPalette.Word(mark) + "\" width=\"8\" height=\"8\""
        + " patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(" + (mark == SlotMark.Disputed ? "-45" : "45") + ")\">"
        + "<rect class=\"page\" width=\"8\" height=\"8\"/><rect class=\"stripe\" width=\"3\" height=\"8\"/></pattern>";

    private static string Summary(SlotChart chart) =>
        string.Join("; ", chart.Masters.Where(master => master.Slots.Count > 0).Take(20)
            .Select(master => master.Symbol + " " + master.Name + " " + HtmlWriter.Count(master.Slots.Count) + " slots"))
        + (chart.Masters.Count > 20 ? "; and more, in the list below" : string.Empty);

    private static void WriteOwners(
        HtmlWriter page, Sheet sheet, int masters, Func<int, int> ownerOf, IReadOnlyList<ChartedMaster>? named = null)
    {
        var letters = new List<(double X, double Y, int Owner)>();
        var owners = Runs(sheet, ownerOf).Where(run => run.Owner != SlotChart.NoOwner).GroupBy(run => run.Owner);
        foreach (var owned in owners.OrderBy(group => group.Key))
        {
            page.Markup("<path class=\"" + Class(owned.Key, masters) + "\" d=\"");
            foreach (var run in owned)
            {
                page.Markup(sheet.Box(sheet.X(run.First), run.Row, sheet.Wide(run.Count)));
                if (sheet.Wide(run.Count) >= LetterRoom)
                    letters.Add((sheet.X(run.First) + 5, sheet.Baseline(run.Row), run.Owner));
            }

            page.Markup("\">");
            if (named?[owned.Key] is { } master)
            {
                page.Markup("<title>").Text(master.Symbol + " " + master.Name + ": " + HtmlWriter.Count(master.Slots.Count) + " slots")
                    .Markup("</title>");
            }

            page.Markup("</path>");
        }

        page.Markup("<g class=\"letter\" aria-hidden=\"true\">");
        foreach (var letter in letters)
        {
            page.Markup("<text x=\"" + Number(letter.X) + "\" y=\"" + Number(letter.Y) + "\">")
                .Markup((letter.Owner < masters ? MapPalette.Symbol(letter.Owner) : "–") + "</text>");
        }

        page.Markup("</g>");
    }

    private static void WriteMarks(HtmlWriter page, Sheet sheet, SlotChart chart, SlotMark mark, string kind)
    {
        var pieces = Runs(sheet, slot => chart.MarkOf(slot) == mark ? 0 : SlotChart.NoOwner).Where(run => run.Owner == 0).ToList();
        if (pieces.Count == 0)
            return;
        var word = MapPalette.Word(mark);
        var fill = mark == SlotMark.Open ? string.Empty : " fill=\"url(#" + kind + "-" + word + ")\"";
        page.Markup("<path class=\"" + word + "\"" + fill + " d=\"");
        foreach (var piece in pieces)
        {
            var (x, width) = Stretched(sheet.X(piece.First), sheet.Wide(piece.Count), sheet.Left + sheet.Width);
            page.Markup(sheet.Box(x, piece.Row, width));
        }

        page.Markup("\"><title>").Text(word + ": " + chart.Marked(mark))
            .Markup("</title></path><g class=\"sign\" aria-hidden=\"true\">");
        var (row, last) = (-1, 0.0);
        foreach (var piece in pieces)
        {
            var middle = sheet.X(piece.First) + sheet.Wide(piece.Count) / 2;
            if (piece.Row == row && middle - last < LetterRoom)
                continue;
            (row, last) = (piece.Row, middle);
            page.Markup("<text x=\"" + Number(middle) + "\" y=\"" + Number(sheet.Baseline(row)) + "\">")
                .Markup(MapPalette.Sign(mark, unicode: true) + "</text>");
        }

        page.Markup("</g>");
    }

    // One slot of 1024 would be invisibly narrow, so it is widened.
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

    /// <summary>The geometry of a chart.</summary>
    private sealed record Sheet(int PerRow, double Width, int Left, int Height)
    {
        public double X(int place) => Left + Wide(place);

        public double Wide(int slots) => slots * Width / PerRow;

        public double Y(int row) => row * (Height + Gap);

        /// <summary>The path of a rectangle.</summary>
        public string Box(double x, int row, double width) => "M" + Number(x) + " " + Number(Y(row)) + "h" + Number(width)
            + "v" + Number(Height) + "h-" + Number(width) + "z";

        public double Baseline(int row) => Y(row) + Height / 2.0 + 5;
    }
}
