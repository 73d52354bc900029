using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>The table of docs/acl.md with the minimal user of each cmdlet.</summary>
internal static class RightsTable
{
    public const string User = "operator";
    public const string Password = "your-password";

    private const string Begin = "ACL SETUSER " + User + " ";

    /// <summary>The rules of the user of each cmdlet, in the order of the page.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Rows { get; } = File.ReadAllLines(
        RepositoryFiles.Document("acl.md"))
        .Where(line => line.StartsWith("| `", StringComparison.Ordinal) && line.Contains(Begin, StringComparison.Ordinal))
        .Select(line => line.Replace("\\|", "\0", StringComparison.Ordinal).Split('|'))
        .Select(cells => cells.Select(cell => cell.Trim(' ', '`').Replace('\0', '|')).ToList())
        .ToDictionary(cells => cells[1], cells => (IReadOnlyList<string>)cells[2][Begin.Length..].Split(' '));
}
