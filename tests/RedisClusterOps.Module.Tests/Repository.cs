using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;

namespace RedisClusterOps.Module.Tests;

/// <summary>The files of this repository.</summary>
internal static class Repository
{
    public static string Root { get; } = System.IO.Path.GetFullPath(
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Repository").Value!);

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    public static string Text(string relative) => File.ReadAllText(Path(relative));

    /// <summary>The strings of one array of the module manifest.</summary>
    public static IReadOnlyList<string> ManifestArray(string name)
    {
        var array = Regex.Match(Text("RedisClusterOps.psd1"), @"^\s*" + name + @"\s*=\s*@\((?<items>[^)]*)\)", RegexOptions.Multiline);
        if (!array.Success)
            throw new InvalidOperationException("The manifest has no array " + name + ".");
        return [.. Regex.Matches(array.Groups["items"].Value, "'([^']*)'").Select(match => match.Groups[1].Value)];
    }

    public static string ManifestValue(string name) =>
        Regex.Match(Text("RedisClusterOps.psd1"), @"^\s*" + name + @"\s*=\s*'([^']*)'", RegexOptions.Multiline).Groups[1].Value;
}
