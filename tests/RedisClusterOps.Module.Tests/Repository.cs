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

    /// <summary>The C# files of the product, its tests and its benchmarks.</summary>
    public static IReadOnlyList<string> Sources()
    {
        var sources = new[] { "src", "tests", "bench" }
            .SelectMany(place => Directory.EnumerateFiles(Path(place), "*.cs", SearchOption.AllDirectories))
            .Where(file => !IsBuilt(file)).ToList();
        return sources.Count > 0 ? sources : throw new InvalidOperationException("The repository has no C# file.");
    }

    /// <summary>True for a file that the build makes.</summary>
    public static bool IsBuilt(string file) => file.Split(System.IO.Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj");

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
