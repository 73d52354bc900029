using System.Globalization;

namespace RedisClusterOps.Protocol;

/// <summary>Numbers in messages, commands and files: the same text in every culture.</summary>
internal static class Numbers
{
    /// <summary>Such as <c>16384</c>.</summary>
    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Such as <c>1 slot</c> or <c>2 slots</c>.</summary>
    /// <param name="count">The number of things.</param>
    /// <param name="noun">One of them. Its plural ends in s.</param>
    public static string Count(long count, string noun) => Number(count) + " " + noun + (count == 1 ? string.Empty : "s");
}
