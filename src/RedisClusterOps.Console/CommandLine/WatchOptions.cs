using System;
using System.CommandLine;
using System.IO;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>What the commands that tell of alerts are asked alike.</summary>
internal static class WatchOptions
{
    public static Option<TimeSpan> StuckAfter() => new("--stuck-after")
    {
        Description = "How long an open slot may make no progress (default: 30m).",
        HelpName = "time",
        CustomParser = ParameterParsers.Duration("--stuck-after"),
        DefaultValueFactory = _ => new AlertOptions().StuckAfter,
    };

    /// <returns>Null where none was named.</returns>
    /// <exception cref="UsageException">It is empty: a variable that was never set would make a watcher that remembers nothing.</exception>
    public static string? FileOf(ParseResult parsed, Option<string?> statePath) => parsed.GetValue(statePath) switch
    {
        null => null,
        var path when string.IsNullOrWhiteSpace(path) => throw new UsageException("--state-path is empty."),
        var path => Path.GetFullPath(path),
    };
}
