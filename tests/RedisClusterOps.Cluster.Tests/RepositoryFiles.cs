using System;
using System.IO;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Finds files of the repository that the tests belong to.</summary>
internal static class RepositoryFiles
{
    private static readonly Lazy<string> Root = new(() =>
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "RedisClusterOps.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests are not inside the repository.");
        return folder;
    });

    /// <summary>The folder of the built module.</summary>
    public static string Module => Path.Combine(Root.Value, "out", "RedisClusterOps");

    /// <summary>A page of the docs folder.</summary>
    public static string Document(string name) => Path.Combine(Root.Value, "docs", name);

    /// <summary>A file of these tests that is not compiled.</summary>
    public static string OfTests(string folder, string name) =>
        Path.Combine(Root.Value, "tests", "RedisClusterOps.Cluster.Tests", folder, name);
}
