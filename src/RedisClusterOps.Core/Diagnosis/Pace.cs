using System;

namespace RedisClusterOps.Diagnosis;

/// <summary>How long the rest takes.</summary>
internal static class Pace
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365);

    /// <returns>Null where nothing moves, and below 1 %, where it would be a guess.</returns>
    public static TimeSpan? TimeLeft(int? percent, long? left, double? perSecond)
    {
        if (percent is not >= 1 || left is not { } keys || perSecond is not > 0)
            return null;
        var seconds = keys / perSecond.Value;
        return seconds < Longest.TotalSeconds ? TimeSpan.FromSeconds(Math.Ceiling(seconds)) : null;
    }
}
