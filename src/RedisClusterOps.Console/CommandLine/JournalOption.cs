using System.CommandLine;
using System.IO;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>Where runs are written down, and what must not be lost is kept.</summary>
internal static class JournalOption
{
    public static Option<string?> Create() => new("--journal-path")
    {
        Description = "Folder of the journal and of what must not be lost, such as the losing value of a conflict (default: REDISCLUSTEROPS_JOURNAL, else your own data folder).",
        HelpName = "folder",
    };

    public static string? Read(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { Length: > 0 } path ? Path.GetFullPath(path) : null;
}
