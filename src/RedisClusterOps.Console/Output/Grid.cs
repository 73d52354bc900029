using System.Collections.Generic;
using System.Linq;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace RedisClusterOps.Console.Output;

/// <summary>The one look of every table: columns two spaces apart, no lines, nothing wrapped, so that grep and awk like it too.</summary>
internal sealed class Grid
{
    private readonly Table _table = new Table().Border(TableBorder.None);

    /// <param name="headings">A leading '>' aligns the column to the right, as numbers are.</param>
    public Grid(params string[] headings)
    {
        foreach (var heading in headings)
        {
            var right = heading.StartsWith('>');
            _table.AddColumn(new TableColumn(new Text(right ? heading[1..] : heading, new Style(decoration: Decoration.Bold)))
            {
                NoWrap = true,
                Alignment = right ? Justify.Right : Justify.Left,
                Padding = new Padding(0, 0, 2, 0),
            });
        }
    }

    public void Add(params Cell[] cells) => _table.AddRow(cells.Select(cell => new Text(cell.Text, new Style(cell.Color))));

    public void WriteTo(IAnsiConsole console) => console.Write(new WithoutTrailingSpace(_table));

    // The last column is padded like every other; nobody wants that in a file or a mail.
    private sealed class WithoutTrailingSpace(IRenderable table) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => table.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => Segment.SplitLines(table.Render(options, maxWidth)).SelectMany(Trim);

        private static IEnumerable<Segment> Trim(SegmentLine line)
        {
            var last = line.FindLastIndex(segment => !segment.IsWhiteSpace);
            foreach (var segment in line.Take(last))
                yield return segment;
            if (last >= 0)
                yield return new Segment(line[last].Text.TrimEnd(), line[last].Style);
            yield return Segment.LineBreak;
        }
    }

    internal readonly record struct Cell(string Text, Color? Color = null)
    {
        public static implicit operator Cell(string? text) => new(string.IsNullOrEmpty(text) ? Quantity.Unknown : text);
    }
}
