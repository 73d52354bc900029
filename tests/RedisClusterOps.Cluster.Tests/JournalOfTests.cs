using System;
using System.IO;
using System.Runtime.CompilerServices;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The tests, and the processes that they start, keep their journal in a temporary folder instead of the user's own.</summary>
internal static class JournalOfTests
{
    public static string Folder { get; } = Directory.CreateTempSubdirectory("redisclusterops-journal-").FullName;

    /// <summary>A new empty folder for one test; deleted at the end of the run.</summary>
    public static string NewFolder() => Directory.CreateDirectory(Path.Combine(Folder, Path.GetRandomFileName())).FullName;

    [ModuleInitializer]
    internal static void Use()
    {
        Environment.SetEnvironmentVariable("REDISCLUSTEROPS_JOURNAL", Folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
    }
}
