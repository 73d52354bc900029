using System;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>Lets a <see cref="TimeSpan"/> parameter also take <c>10ms</c>, <c>5s</c>, <c>30m</c>, <c>2h</c> and <c>1d</c>; zero and less are refused.</summary>
/// <remarks>A bare number is refused too: PowerShell would read the number 5 as 5 ticks and the text "5" as 5 days.</remarks>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DurationAttribute : ArgumentTransformationAttribute
{
    // The framework's timers end at 2^31 ms.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        var span = value switch
        {
            TimeSpan given => given,
            _ when TryParse(Text(inputData), out var read) => read,
            _ => throw new ArgumentTransformationMetadataException(
                "'" + Text(inputData) + "' is not a time span. Write 10ms, 5s, 30m, 2h, 1d or 00:00:05."),
        };
        if (span <= TimeSpan.Zero || span > Longest)
            throw new ArgumentTransformationMetadataException("A time span here is more than zero and at most 24 days.");
        return span;
    }

    // Typed without quotes, 5s and 1d are numbers to PowerShell (a short, a decimal); the object it wraps them in still knows the text.
    private static string Text(object? inputData) => Convert.ToString(inputData, CultureInfo.InvariantCulture) ?? string.Empty;

    internal static bool TryParse(string text, out TimeSpan span)
    {
        var trimmed = text.Trim();
        var digits = trimmed.TrimEnd("dhmsDHMS".ToCharArray());
        double? unit = trimmed.Substring(digits.Length).ToUpperInvariant() switch
        {
            "MS" => 1,
            "S" => 1_000,
            "M" => 60_000,
            "H" => 3_600_000,
            "D" => 86_400_000,
            _ => null,
        };
        span = default;
        if (unit is null)
            return trimmed.IndexOf(':') >= 0 && TimeSpan.TryParse(trimmed, CultureInfo.InvariantCulture, out span);
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || number * unit.Value > Longest.TotalMilliseconds)
            return false;
        span = TimeSpan.FromTicks((long)(number * unit.Value * TimeSpan.TicksPerMillisecond));
        return true;
    }
}
