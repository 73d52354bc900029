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

    /// <summary>Such as <c>900 bytes</c>, <c>1.5 KB</c>, <c>512 MB</c> or <c>1.25 GB</c>: never 0 for what is more.</summary>
    public static string Size(long bytes) => bytes switch
    {
        < 1L << 10 => Count(bytes, "byte"),
        < 1L << 20 => In(bytes, 10, "0.#") + " KB",
        < 1L << 30 => In(bytes, 20, "0.#") + " MB",
        _ => In(bytes, 30, "0.##") + " GB",
    };

    private static string In(long bytes, int power, string format) =>
        (bytes / (double)(1L << power)).ToString(format, CultureInfo.InvariantCulture);
}
