using System;
using System.IO;
using System.Runtime.CompilerServices;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Runs of the tests are written down in a folder of their own, not in the one of whoever runs them.</summary>
internal static class JournalOfTests
{
    public static string Folder { get; } = Directory.CreateTempSubdirectory("rco-journal-").FullName;

    /// <summary>One for a test alone, where it asks for the newest run.</summary>
    public static string NewFolder() => Directory.CreateDirectory(Path.Combine(Folder, Path.GetRandomFileName())).FullName;

    [ModuleInitializer]
    internal static void Use()
    {
        Environment.SetEnvironmentVariable("REDISCLUSTEROPS_JOURNAL", Folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
    }
}
