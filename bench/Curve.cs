using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace RedisClusterOps.Benchmarks;

/// <summary>The speed of a row's contestants against what clients feel meanwhile: p99 of their latency. One curve for each side.</summary>
internal static class Curve
{
    private const int Width = 720;
    private const int Height = 420;
    private const int Left = 70;
    private const int Right = 20;
    private const int Top = 30;
    private const int Bottom = 60;
    private const int LabelWidth = 40;
    private const int LabelHeight = 13;

    /// <summary>The points of one side: the medians of each contestant, in the order of their p99.</summary>
    public static IReadOnlyList<CurvePoint> Of(RowResult row, Side side) =>
    [
        .. from contestant in row.Row.Contestants
           where contestant.Side == side
           let latency = row.Median(Metric.LatencyP99, contestant.Name)
           let speed = row.Median(Metric.KeysPerSecond, contestant.Name)
           where latency is not null && speed is not null
           orderby latency
           select new CurvePoint(contestant.Name, latency.Value, speed.Value),
    ];

    /// <summary>
    /// The highest speed with at most this p99, on straight lines between neighboring points; 0 below the first point, and the highest
    /// speed above the last one.
    /// </summary>
    public static double SpeedAt(IReadOnlyList<CurvePoint> points, double latency)
    {
        var best = 0.0;
        for (var i = 0; i < points.Count; i++)
        {
            if (points[i].Latency <= latency)
                best = Math.Max(best, points[i].Speed);
            else if (i > 0 && points[i - 1].Latency <= latency)
                best = Math.Max(best, Between(points[i - 1], points[i], latency));
        }

        return best;
    }

    /// <summary>Our speed at a multiple of a tool's p99, over the tool's speed.</summary>
    public static double? Advantage(RowResult row, string tool, double times) =>
        row.Median(Metric.LatencyP99, tool) is { } latency && row.Median(Metric.KeysPerSecond, tool) is > 0 and var speed
            && Of(row, Side.Ours) is { Count: > 0 } ours
            ? SpeedAt(ours, latency * times) / speed
            : null;

    /// <summary>The lowest advantage at the p99 of each of the tools: at least 1 if our curve is below theirs everywhere.</summary>
    public static double? LeastAdvantage(RowResult row) =>
        Of(row, Side.Tool).Min(point => Advantage(row, point.Name, 1));

    /// <summary>Draws both curves.</summary>
    public static string Svg(RowResult row)
    {
        (string Name, bool IsOurs, string Color, IReadOnlyList<CurvePoint> Points)[] curves =
        [
            ("redis-cli, by --cluster-pipeline", false, "#b3402a", Of(row, Side.Tool)),
            ("ours, by -MaxStall, and by -MaxKeysPerSecond with -MaxStall 1 ms", true, "#1f6f8b", Of(row, Side.Ours)),
        ];
        var all = curves.SelectMany(curve => curve.Points).ToList();
        var (fastest, slowest) = (all.Max(point => point.Speed) * 1.1, Math.Max(1, Math.Ceiling(all.Max(point => point.Latency) * 1.1)));
        var svg = new StringBuilder();
        Add($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="12">""");
        Add($"""<rect width="{Width}" height="{Height}" fill="white"/>""");
        for (var i = 0; i <= 5; i++)
        {
            var (speed, latency) = (fastest * i / 5, slowest * i / 5);
            Add($"""<line x1="{X(speed):0}" y1="{Top}" x2="{X(speed):0}" y2="{Height - Bottom}" stroke="#ddd"/>""");
            Add($"""<line x1="{Left}" y1="{Y(latency):0}" x2="{Width - Right}" y2="{Y(latency):0}" stroke="#ddd"/>""");
            Add($"""<text x="{X(speed):0}" y="{Height - Bottom + 18}" text-anchor="middle">{speed / 1000:0}</text>""");
            Add($"""<text x="{Left - 8}" y="{Y(latency) + 4:0}" text-anchor="end">{latency:0.##}</text>""");
        }

        const string Speed = "speed of the move, thousand keys/s (right is better)";
        const string Latency = "p99 of the clients, ms (lower is better)";
        Add($"""<text x="{Width / 2}" y="{Height - 16}" text-anchor="middle">{Speed}</text>""");
        Add($"""<text x="12" y="16">{Latency}; {row.Row.Name} on {row.Server}</text>""");
        var legend = Top;
        foreach (var (name, isOurs, color, points) in curves)
        {
            Add($"""<text x="{Left + 8}" y="{legend += 18}" fill="{color}">{name}</text>""");
            var line = string.Join(' ', points.Select(point => Text($"{X(point.Speed):0},{Y(point.Latency):0}")));
            Add($"""<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>""");
            var (lastX, lastY) = (0.0, 0.0);
            foreach (var point in points)
            {
                var (x, y) = (X(point.Speed), Y(point.Latency));
                Add($"""<circle cx="{x:0}" cy="{y:0}" r="4" fill="{color}"/>""");
                // Our curve is the lower one, so its labels are below. The points of a curve come from below upwards.
                var (labelX, labelY) = isOurs ? (x + 7, y + 14) : (x + 7, y - 6);
                if (Math.Abs(labelX - lastX) < LabelWidth && labelY > lastY - LabelHeight)
                    labelY = lastY - LabelHeight;
                Add($"""<text x="{labelX:0}" y="{labelY:0}" fill="{color}">{point.Label}</text>""");
                (lastX, lastY) = (labelX, labelY);
            }
        }

        return svg.Append("</svg>\n").ToString();

        double X(double speed) => Left + (speed / fastest * (Width - Left - Right));

        double Y(double latency) => Height - Bottom - (latency / slowest * (Height - Top - Bottom));

        void Add(FormattableString text) => svg.Append(Text(text)).Append('\n');
    }

    private static double Between(CurvePoint one, CurvePoint other, double latency) =>
        one.Speed + ((other.Speed - one.Speed) * (latency - one.Latency) / (other.Latency - one.Latency));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>One contestant.</summary>
/// <param name="Latency">p99 of the clients, in milliseconds.</param>
/// <param name="Speed">In keys per second.</param>
internal readonly record struct CurvePoint(string Name, double Latency, double Speed)
{
    /// <summary>The setting in the name. The name of the curve says which one it is.</summary>
    public string Label => Name.IndexOfAny([.. "0123456789"]) is >= 0 and var at ? Name[at..] : "default";
}
