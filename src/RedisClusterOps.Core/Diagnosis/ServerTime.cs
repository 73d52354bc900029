using System;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>Times as servers write them: milliseconds since 1970, by their own clock.</summary>
internal static class ServerTime
{
    private static readonly DateTime Epoch = new(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    // Garnet counts in another unit from another year; what would be a time of no server alive is none.
    private const long Earliest = 1_230_768_000_000; // 2009: before there were clusters
    private const long Latest = 7_258_118_400_000; // 2200

    /// <returns>Null: never, or not a time.</returns>
    public static DateTime? Of(long milliseconds) => milliseconds is >= Earliest and <= Latest ? Epoch.AddMilliseconds(milliseconds) : null;

    /// <summary>What TIME answers: seconds, and microseconds of the second.</summary>
    public static DateTime? Of(RespValue reply) =>
        reply.Items.Count == 2 && long.TryParse(reply.Items[0].Text, out var seconds) && long.TryParse(reply.Items[1].Text, out var micro) && seconds is > 0 and < Latest / 1000
            ? Of(seconds * 1000 + micro / 1000)
            : null;
}
