using System;
using System.Globalization;
using System.Text;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Reports;

/// <summary>
/// Builds a page. Markup is written literally and only from constants; every text from a server, a file or a user must go through Text.
/// </summary>
internal sealed class HtmlWriter(Func<NextAction, string> nextActionText)
{
    private const int LongestText = 1000;
    private readonly StringBuilder _page = new();

    public HtmlWriter Markup(string markup)
    {
        _page.Append(markup);
        return this;
    }

    /// <summary>
    /// Writes text into an element or a quoted attribute. No character becomes markup, or controls a terminal, an editor or
    /// the text direction.
    /// </summary>
    public HtmlWriter Text(string? text)
    {
        var clean = Printable.Clean(text ?? string.Empty, LongestText);
        for (var i = 0; i < clean.Length; i++)
        {
            if (i + 1 < clean.Length && char.IsSurrogatePair(clean[i], clean[i + 1]))
            {
                _page.Append(clean, i++, 2);
                continue;
            }

            switch (clean[i])
            {
                case '&':
                    _page.Append("&amp;");
                    break;
                case '<':
                    _page.Append("&lt;");
                    break;
                case '>':
                    _page.Append("&gt;");
                    break;
                case '"':
                    _page.Append("&quot;");
                    break;
                case '\'':
                    _page.Append("&#39;");
                    break;
                default:
                    // A lone surrogate is no character and can't be encoded.
                    _page.Append(char.IsSurrogate(clean[i]) ? '\ufffd' : clean[i]);
                    break;
            }
        }

        return this;
    }

    /// <summary>A next action as a command of the front end.</summary>
    public HtmlWriter Next(NextAction next) => Text(nextActionText(next));

    public HtmlWriter Text(int number) => Text(Count(number));

    public HtmlWriter Time(DateTime time)
    {
        var utc = time.ToUniversalTime();
        return Markup("<time datetime=\"" + utc.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) + "\">"
            + utc.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC</time>");
    }

    /// <summary>
    /// Starts a table. A narrow screen shows it as a list of cards, which hides the table from assistive
    /// technology; so its parts have roles.
    /// </summary>
    public HtmlWriter Table(string caption, params string[] headings)
    {
        Markup("<div class=\"scroll\"><table role=\"table\"><caption>").Text(caption)
            .Markup("</caption><thead role=\"rowgroup\"><tr role=\"row\">");
        foreach (var heading in headings)
        {
            Markup("<th role=\"columnheader\" scope=\"col\"" + (IsNumber(heading) ? " class=\"n\"" : string.Empty) + ">")
                .Text(Plain(heading)).Markup("</th>");
        }

        return Markup("</tr></thead><tbody role=\"rowgroup\">\n");
    }

    /// <summary>Writes a cell under one of the headings. A heading that begins with '>' marks a column of numbers.</summary>
    public HtmlWriter Cell(string heading, Action<HtmlWriter> content)
    {
        Markup("<td role=\"cell\" data-label=\"").Text(Plain(heading)).Markup(IsNumber(heading) ? "\" class=\"n\"><div>" : "\"><div>");
        content(this);
        return Markup("</div></td>");
    }

    public HtmlWriter Cell(string heading, string? text) => Cell(heading, cell => cell.Text(string.IsNullOrEmpty(text) ? "–" : text));

    public HtmlWriter EndTable() => Markup("</tbody></table></div>\n");

    public override string ToString() => _page.ToString();

    public static string Count(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture) ?? "–";

    public static string Percent(double? share) => share is { } known ? known.ToString("0.##", CultureInfo.InvariantCulture) + " %" : "–";

    /// <summary>Bytes in the units of INFO's human-readable fields.</summary>
    public static string Bytes(long? number)
    {
        if (number is not { } bytes)
            return "–";
        double rest = bytes;
        foreach (var unit in new[] { "B", "K", "M", "G" })
        {
            if (rest < 1024)
                return rest.ToString(unit == "B" ? "0" : "0.0", CultureInfo.InvariantCulture) + unit;
            rest /= 1024;
        }

        return rest.ToString("0.0", CultureInfo.InvariantCulture) + "T";
    }

    private static bool IsNumber(string heading) => heading.StartsWith(">", StringComparison.Ordinal);

    private static string Plain(string heading) => IsNumber(heading) ? heading.Substring(1) : heading;
}
