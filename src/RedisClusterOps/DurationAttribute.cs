using System;
using System.Globalization;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// Lets a <see cref="TimeSpan"/> parameter also take <c>10ms</c>, <c>5s</c>, <c>30m</c>, <c>2h</c> and <c>1d</c>. Rejects zero and negative
/// values.
/// </summary>
/// <remarks>A bare number is rejected too: PowerShell would read the number 5 as 5 ticks and the text "5" as 5 days.</remarks>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DurationAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        var span = value switch
        {
            TimeSpan duration => duration,
            _ when Duration.TryParse(Text(inputData), out var read) => read,
            _ => throw new ArgumentTransformationMetadataException(
                "'" + Text(inputData) + "' is not a time span greater than zero. Examples: 10ms, 5s, 30m, 2h, 1d, 00:00:05."),
        };
        return Duration.IsUsable(span)
            ? span
            : throw new ArgumentTransformationMetadataException("The time span must be greater than zero and at most 24 days.");
    }

    // Without quotes, PowerShell parses 5s and 1d as numbers (a short, a decimal); the object that wraps them keeps the text.
    private static string Text(object? inputData) => Convert.ToString(inputData, CultureInfo.InvariantCulture) ?? string.Empty;
}
