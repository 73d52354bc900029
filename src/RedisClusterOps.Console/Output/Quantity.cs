using System;
using System.Globalization;

namespace RedisClusterOps.Console.Output;

/// <summary>Numbers as people read them; the same in every culture.</summary>
internal static class Quantity
{
    public const string Unknown = "-";

    public static string Count(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture) ?? Unknown;

    public static string Keys(long number) => Count(number) + (number == 1 ? " key" : " keys");

    public static string Percent(double? number) => number is { } known ? known.ToString("0.#", CultureInfo.InvariantCulture) + " %" : Unknown;

    /// <summary>Bytes as the server itself shortens them: 1.6M is 1.6 times 1024 times 1024.</summary>
    public static string Bytes(long? number)
    {
        if (number is not { } bytes)
            return Unknown;
        double rest = bytes;
        foreach (var unit in new[] { "B", "K", "M", "G", "T" })
        {
            if (rest < 1024 || unit == "T")
                return rest.ToString(unit == "B" ? "0" : "0.0", CultureInfo.InvariantCulture) + unit;
            rest /= 1024;
        }

        return Unknown;
    }

    public static string Time(TimeSpan time) => time switch
    {
        { TotalSeconds: < 10 } => time.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture) + " s",
        { TotalMinutes: < 1 } => time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s",
        { TotalHours: < 1 } => Whole(time.TotalMinutes) + " min " + time.Seconds.ToString(CultureInfo.InvariantCulture) + " s",
        _ => Whole(time.TotalHours) + " h " + time.Minutes.ToString(CultureInfo.InvariantCulture) + " min",
    };

    private static string Whole(double number) => Math.Floor(number).ToString("0", CultureInfo.InvariantCulture);
}
