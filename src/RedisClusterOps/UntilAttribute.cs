using System;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// Lets a time parameter take a date and time, the duration until it (<c>90m</c>, <c>2h</c> or a <see cref="TimeSpan"/>), or a time of day
/// (<c>05:30</c>: the next time that it is so late here). The parameter gets the time in UTC. Rejects the past.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class UntilAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] TimesOfDay = [@"h\:mm", @"hh\:mm", @"h\:mm\:ss", @"hh\:mm\:ss"];

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => Read(inputData, DateTime.Now);

    /// <summary>Reads a value at a local time.</summary>
    /// <exception cref="ArgumentTransformationMetadataException">The value is no time, or it is in the past.</exception>
    public static DateTime Read(object inputData, DateTime now)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        // Without quotes, PowerShell parses 1d as a number; the object that wraps it keeps the text.
        var text = Convert.ToString(inputData, CultureInfo.InvariantCulture) ?? string.Empty;
        var until = value switch
        {
            DateTime { Kind: DateTimeKind.Utc } time => time.ToLocalTime(),
            DateTime time => time,
            DateTimeOffset time => time.LocalDateTime,
            TimeSpan span => now + span,
            _ when TimeSpan.TryParseExact(text, TimesOfDay, CultureInfo.InvariantCulture, out var ofDay) => NextTime(ofDay, now),
            _ when Duration.TryParse(text, out var span) => now + span,
            _ when DateTime.TryParse(
                text, CultureInfo.InvariantCulture, DateTimeStyles.NoCurrentDateDefault | DateTimeStyles.AssumeLocal, out var time)
                && time.Year > 1 => time,
            _ => throw new ArgumentTransformationMetadataException(
                "'" + text + "' is not a time. Examples: '2026-11-30 05:30', 05:30, 2h, 90m."),
        };
        return until > now
            ? DateTime.SpecifyKind(until, DateTimeKind.Local).ToUniversalTime()
            : throw new ArgumentTransformationMetadataException(
                until.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " is in the past: it is "
                    + now.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " here. Nothing was changed.");
    }

    private static DateTime NextTime(TimeSpan ofDay, DateTime now) =>
        now.Date + ofDay > now ? now.Date + ofDay : now.Date.AddDays(1) + ofDay;
}
