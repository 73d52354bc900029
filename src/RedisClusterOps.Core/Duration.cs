using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>Durations as users type them.</summary>
public static class Duration
{
    // The maximum of the framework's timers.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(int.MaxValue);

    private static readonly (string Suffix, double Milliseconds)[] Units =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    /// <summary>Whether a duration is above zero and at most 24 days, the maximum of a timer.</summary>
    public static bool IsUsable(TimeSpan span) => span > TimeSpan.Zero && span <= Longest;

    /// <summary>
    /// A duration in its two largest units, such as <c>35 s</c>, <c>31 min</c>, <c>2 h 3 min</c>, <c>4 d 5 h</c>; below a second,
    /// <c>less than 1 s</c>.
    /// </summary>
    internal static string Shown(TimeSpan time) => time switch
    {
        { TotalSeconds: < 1 } => "less than 1 s",
        { TotalMinutes: < 1 } => Whole(time.TotalSeconds) + " s",
        { TotalHours: < 1 } => Whole(time.TotalMinutes) + " min",
        { TotalDays: < 1 } => Whole(time.TotalHours) + " h " + Whole(time.Minutes) + " min",
        _ => Whole(time.TotalDays) + " d " + Whole(time.Hours) + " h",
    };

    private static string Whole(double number) => Math.Floor(number).ToString("0", CultureInfo.InvariantCulture);

    /// <summary>Reads <c>10ms</c>, <c>5s</c>, <c>30m</c>, <c>2h</c>, <c>1d</c>, also with a decimal point, or <c>00:00:05</c>.</summary>
    /// <param name="text">The text. A number without a unit is refused as ambiguous.</param>
    /// <param name="span">The duration.</param>
    /// <returns>False if the text is none of these, or the duration is not usable.</returns>
    public static bool TryParse(string? text, out TimeSpan span)
    {
        span = default;
        var trimmed = (text ?? string.Empty).Trim();
        foreach (var (suffix, milliseconds) in Units)
        {
            if (!trimmed.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                continue;
            var digits = trimmed.Substring(0, trimmed.Length - suffix.Length);
            if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                || number * milliseconds > int.MaxValue)
                return false;
            span = TimeSpan.FromTicks((long)(number * milliseconds * TimeSpan.TicksPerMillisecond));
            return IsUsable(span);
        }

        // The exact form, because the lenient one reads 24:00:00 as 24 days.
        return trimmed.IndexOf(':') >= 0 && TimeSpan.TryParseExact(trimmed, "c", CultureInfo.InvariantCulture, out span) && IsUsable(span);
    }
}
