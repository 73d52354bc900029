using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Reports;

/// <summary>
/// Draws a slot map for a terminal: sixteen rows of 1024 slots and a legend. Each cell has the color or the letter of the master that owns
/// most of its slots.
/// </summary>
internal static class SlotGrid
{
    private const int Rows = 16;
    private const int Label = 6;
    private const int MostBar = 32;

    // A longer legend is in columns, without bars.
    private const int LongLegend = 16;

    public static IReadOnlyList<ScreenLine> Draw(SlotChart chart, ScreenTraits screen)
    {
        var columns = Columns(screen.Width);
        var lines = new List<ScreenLine>();
        for (var row = 0; row < Rows; row++)
            lines.Add(Row(chart, row, columns, screen));
        lines.Add(new ScreenLine());
        lines.AddRange(chart.Masters.Count > LongLegend ? Packed(chart, screen) : Listed(chart, screen));
        foreach (var mark in new[] { SlotMark.Open, SlotMark.Disputed, SlotMark.Uncovered }.Where(mark => chart.Marked(mark).Count > 0))
            lines.Add(Legend(mark, chart.Marked(mark), screen));
        var repeat = chart.Masters.Count > MapPalette.Symbols.Length ? "; letters repeat" : string.Empty;
        var scale = Number(HashSlot.Count / Rows / columns) + " slots a character" + repeat;
        lines.Add(new ScreenLine().Add(Cut(scale, screen.Width, screen.Unicode)));
        return lines;
    }

    /// <summary>Truncates a text to a width, and marks that it was truncated.</summary>
    public static string Cut(string text, int width, bool unicode)
    {
        if (!unicode)
            text = new string(text.Select(c => c is >= ' ' and <= '~' ? c : '?').ToArray());
        var more = unicode ? "…" : "...";
        if (text.Length <= width)
            return text;
        return width <= more.Length ? text.Substring(0, width) : text.Substring(0, width - more.Length) + more;
    }

    // A power of two, so that all cells have the same number of slots.
    private static int Columns(int width)
    {
        var columns = 32;
        while (columns < 256 && Label + columns * 2 <= width)
            columns *= 2;
        return columns;
    }

    private static ScreenLine Row(SlotChart chart, int row, int columns, ScreenTraits screen)
    {
        var size = HashSlot.Count / Rows / columns;
        var line = new ScreenLine().Add(Number(row * columns * size).PadLeft(Label - 1) + " ");
        var before = SlotChart.NoOwner;
        for (var column = 0; column < columns; column++)
        {
            var first = (row * columns + column) * size;
            var mark = Enumerable.Range(first, size).Max(chart.MarkOf);
            var owner = MostlyOwnedBy(chart, first, size);
            if (mark != SlotMark.None)
                Paint(line, MapPalette.Sign(mark, screen.Unicode), MapPalette.Colors(mark), screen);
            else
            {
                // With colors a letter only starts the cells of an owner.
                var letter = screen.Color && owner == before ? " " : MapPalette.Symbol(owner);
                Paint(line, letter, (MapPalette.Black, MapPalette.Paper(owner)), screen);
            }

            before = mark == SlotMark.None ? owner : before;
        }

        return line;
    }

    // Every slot of a cell without a mark has an owner.
    private static int MostlyOwnedBy(SlotChart chart, int first, int size)
    {
        var (most, found) = (0, SlotChart.NoOwner);
        for (var slot = first; slot < first + size; slot++)
        {
            var owner = chart.OwnerOf(slot);
            var has = 0;
            for (var other = slot; other < first + size; other++)
                has += chart.OwnerOf(other) == owner ? 1 : 0;
            if (has > most)
                (most, found) = (has, owner);
        }

        return found;
    }

    private static IEnumerable<ScreenLine> Listed(SlotChart chart, ScreenTraits screen)
    {
        var names = Names(chart, screen.Width - 24, screen);
        var states = chart.Masters.Max(master => (int?)StateOf(master).Length) ?? 0;
        foreach (var (master, name) in chart.Masters.Zip(names, (master, name) => (master, name)))
        {
            var line = Entry(master, name, screen);
            if (states > 0)
                line.Add(Cut("  " + StateOf(master).PadRight(states), Math.Max(0, screen.Width - line.ToString().Length), screen.Unicode));
            var room = Math.Min(MostBar, screen.Width - line.Length - 2);
            // A share of all slots, so that the bars of two maps can be compared.
            var bar = (int)Math.Round(room * master.Share / 100, MidpointRounding.AwayFromZero);
            if (bar > 0)
                line.Add("  ").Add(new string(screen.Unicode ? '█' : '#', bar), screen.Color ? MapPalette.Paper(master.Index) : null);
            yield return line;
        }
    }

    private static IEnumerable<ScreenLine> Packed(SlotChart chart, ScreenTraits screen)
    {
        var names = Names(chart, screen.Width - 24, screen);
        var entries = chart.Masters.Zip(names, (master, name) => (master, name)).ToList();
        var widest = 20 + names[0].Length + chart.Masters.Max(master => StateOf(master).Length);
        var columns = Math.Max(1, screen.Width / (widest + 2));
        var rows = (entries.Count + columns - 1) / columns;
        for (var row = 0; row < rows; row++)
        {
            var line = new ScreenLine();
            for (var index = row; index < entries.Count; index += rows)
            {
                var (master, name) = entries[index];
                var at = line.Length;
                foreach (var span in Entry(master, name, screen).Spans)
                    line.Add(span.Text, span.Ink, span.Paper);
                if (StateOf(master).Length > 0)
                    line.Add(Cut(" " + StateOf(master), Math.Max(0, screen.Width - line.Length), screen.Unicode));
                if (index + rows < entries.Count)
                    line.Add(new string(' ', at + widest + 2 - line.Length));
            }

            yield return line;
        }
    }

    private static ScreenLine Entry(ChartedMaster master, string name, ScreenTraits screen)
    {
        var line = new ScreenLine();
        Paint(line, master.Symbol, (MapPalette.Black, MapPalette.Paper(master.Index)), screen);
        return line.Add(" " + name + Count(master.Slots.Count).PadLeft(8) + Percent(master.Share).PadLeft(9));
    }

    private static ScreenLine Legend(SlotMark mark, SlotSet slots, ScreenTraits screen)
    {
        var line = new ScreenLine();
        Paint(line, MapPalette.Sign(mark, screen.Unicode), MapPalette.Colors(mark), screen);
        var text = " " + MapPalette.Word(mark).PadRight(9) + Count(slots.Count).PadLeft(7) + "  " + string.Join(" ", slots.Ranges);
        return line.Add(Cut(text, screen.Width - 1, screen.Unicode));
    }

    // All padded to the longest. A name that is too long keeps its end, because that is where names differ.
    private static List<string> Names(SlotChart chart, int room, ScreenTraits screen)
    {
        var widest = Math.Min(room, chart.Masters.Max(master => (int?)master.Name.Length) ?? 0);
        return chart.Masters
            .Select(master => Cut(Ending(master.Name, widest, screen.Unicode), widest, screen.Unicode).PadRight(widest))
            .ToList();
    }

    private static string Ending(string name, int width, bool unicode)
    {
        var more = unicode ? "…" : "..";
        return name.Length <= width ? name : more + name.Substring(name.Length - width + more.Length);
    }

    private static void Paint(ScreenLine line, string text, (int Ink, int Paper) colors, ScreenTraits screen) =>
        line.Add(text, screen.Color ? colors.Ink : null, screen.Color ? colors.Paper : null);

    private static string StateOf(ChartedMaster master) => master.State == RedisNodeState.Ok ? string.Empty : master.State.ToString();

    private static string Count(int number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Percent(double share) => share.ToString("0.00", CultureInfo.InvariantCulture) + " %";
}

/// <summary>A part of a line in one style: two of the 256 terminal colors; null for the terminal's own.</summary>
internal readonly record struct ScreenSpan(string Text, int? Ink = null, int? Paper = null);

/// <summary>One line of a slot map, independent of how the host shows colors.</summary>
internal sealed class ScreenLine
{
    private readonly List<ScreenSpan> _spans = [];

    public IReadOnlyList<ScreenSpan> Spans => _spans;

    public int Length => _spans.Sum(span => span.Text.Length);

    public ScreenLine Add(string text, int? ink = null, int? paper = null)
    {
        var last = _spans.Count - 1;
        if (last >= 0 && _spans[last].Ink == ink && _spans[last].Paper == paper)
            _spans[last] = _spans[last] with { Text = _spans[last].Text + text };
        else if (text.Length > 0)
            _spans.Add(new ScreenSpan(text, ink, paper));
        return this;
    }

    /// <summary>The text without colors and without trailing spaces.</summary>
    public override string ToString() => string.Concat(_spans.Select(span => span.Text)).TrimEnd();

    /// <summary>The text with terminal escape sequences. Every line ends in the terminal's own colors.</summary>
    public string ToAnsi()
    {
        var text = new StringBuilder();
        foreach (var span in _spans)
        {
            if (span.Ink is null && span.Paper is null)
                text.Append(span.Text);
            else
                text.Append("\u001b[").Append(Codes(span)).Append('m').Append(span.Text).Append("\u001b[0m");
        }

        return text.ToString().TrimEnd(' ');
    }

    private static string Codes(ScreenSpan span) =>
        string.Join(";", new[] { Code("38;5;", span.Ink), Code("48;5;", span.Paper) }.Where(code => code.Length > 0));

    private static string Code(string kind, int? color) =>
        color is { } number ? kind + number.ToString(CultureInfo.InvariantCulture) : string.Empty;
}
