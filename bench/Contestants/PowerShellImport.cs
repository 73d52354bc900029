using System;
using System.IO;
using System.Linq;
using System.Reflection;

namespace RedisClusterOps.Benchmarks;

/// <summary>A PowerShell that imports a module and ends.</summary>
internal static class PowerShellImport
{
    private static readonly string Repository = Path.GetFullPath(typeof(PowerShellImport).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "Repository").Value!);

    private static string OurModule => Path.Combine(Repository, "out", "RedisClusterOps", "RedisClusterOps.psd1");

    private static string? Program => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
        .Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh")).FirstOrDefault(File.Exists);

    /// <summary>Why it can't be measured; null where it can.</summary>
    public static string? Hindrance => Program is null ? "there is no pwsh on PATH" : null;

    public static Contestant OfEmptyModule(string name) => new(name, Side.Yardstick, async (_, cancellation) =>
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".psm1");
        await File.WriteAllTextAsync(path, string.Empty, cancellation);
        try
        {
            await ClusterTool.RunProgramAsync(Program!, Arguments(path), cancellation);
        }
        finally
        {
            File.Delete(path);
        }
    });

    public static Contestant OfOurs(string name) => new(name, Side.Ours, (_, cancellation) => ClusterTool.RunProgramAsync(Program!, Arguments(OurModule), cancellation));

    private static string[] Arguments(string module) => ["-NoProfile", "-NonInteractive", "-Command", "Import-Module -ErrorAction Stop '" + module.Replace("'", "''", StringComparison.Ordinal) + "'"];
}
