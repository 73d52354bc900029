using System;
using System.IO;
using System.Runtime.CompilerServices;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The tests and the processes that they start use a temporary journal folder instead of the user's own.</summary>
internal static class JournalOfTests
{
    public static string Folder { get; } = Directory.CreateTempSubdirectory("redisclusterops-journal-").FullName;

    /// <summary>Creates an empty folder for one test. It is deleted at the end of the test run.</summary>
    public static string NewFolder() => Directory.CreateDirectory(Path.Combine(Folder, Path.GetRandomFileName())).FullName;

    [ModuleInitializer]
    internal static void Use()
    {
        Environment.SetEnvironmentVariable("REDISCLUSTEROPS_JOURNAL", Folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
    }
}
