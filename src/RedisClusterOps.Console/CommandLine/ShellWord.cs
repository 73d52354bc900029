using System;
using System.Linq;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>One argument as it has to be typed.</summary>
internal static class ShellWord
{
    /// <summary>The text itself where no shell would read anything into it; otherwise in single quotes.</summary>
    public static string Of(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:,+@%".Contains(c, StringComparison.Ordinal))
            ? text
            : "'" + text.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
