using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace RedisClusterOps.Reports;

/// <summary>A piece of a line in one style: ink on paper, of the 256 colours of terminals; null for the terminal's own.</summary>
internal readonly record struct PictureSpan(string Text, int? Ink = null, int? Paper = null);

/// <summary>One line of a picture, to be written by whatever the host has for colours.</summary>
internal sealed class PictureLine
{
    private readonly List<PictureSpan> _spans = [];

    public IReadOnlyList<PictureSpan> Spans => _spans;

    public PictureLine Add(string text, int? ink = null, int? paper = null)
    {
        var last = _spans.Count - 1;
        if (last >= 0 && _spans[last].Ink == ink && _spans[last].Paper == paper)
            _spans[last] = _spans[last] with { Text = _spans[last].Text + text };
        else if (text.Length > 0)
            _spans.Add(new PictureSpan(text, ink, paper));
        return this;
    }

    /// <summary>Without colours and without space at the end.</summary>
    public override string ToString() => string.Concat(_spans.Select(span => span.Text)).TrimEnd();

    /// <summary>With the escape sequences of a terminal; every line ends in the terminal's own colours.</summary>
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

    private static string Codes(PictureSpan span) => string.Join(";", new[] { Code("38;5;", span.Ink), Code("48;5;", span.Paper) }.Where(code => code.Length > 0));

    private static string Code(string kind, int? color) => color is { } number ? kind + number.ToString(CultureInfo.InvariantCulture) : string.Empty;
}
