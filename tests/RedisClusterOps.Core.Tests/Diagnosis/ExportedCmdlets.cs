using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>What the module's manifest exports: the only commands that advice may name.</summary>
internal static class ExportedCmdlets
{
    public static IReadOnlyCollection<string> All { get; } = Read();

    /// <summary>Fails unless the text begins with one of them.</summary>
    public static void AssertBegins(string? advice, string where)
    {
        Assert.False(string.IsNullOrEmpty(advice), where + " has no advice.");
        Assert.True(
            All.Contains(advice.Split(' ')[0]),
            where + " advises '" + advice + "', which begins with no cmdlet that the module exports.");
    }

    private static HashSet<string> Read()
    {
        var manifest = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "RedisClusterOps.psd1"));
        var exported = Regex.Match(manifest, @"CmdletsToExport\s*=\s*@\(([^)]*)\)").Groups[1].Value;
        var names = Regex.Matches(exported, "'([^']+)'").Select(match => match.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        return names.Count > 0 ? names : throw new InvalidOperationException("The manifest exports no cmdlet.");
    }
}
