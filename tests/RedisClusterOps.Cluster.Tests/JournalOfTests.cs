using System;
using System.IO;
using System.Runtime.CompilerServices;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The tests keep their journal in a temporary folder, not in the one of the user who runs them.</summary>
internal static class JournalOfTests
{
    public static string Folder { get; } = Directory.CreateTempSubdirectory("redisclusterops-journal-").FullName;

    /// <summary>A folder for one test, which can then ask for its newest run.</summary>
    public static string NewFolder() => Directory.CreateDirectory(Path.Combine(Folder, Path.GetRandomFileName())).FullName;

    [ModuleInitializer]
    internal static void Use()
    {
        Environment.SetEnvironmentVariable("REDISCLUSTEROPS_JOURNAL", Folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
    }
}
