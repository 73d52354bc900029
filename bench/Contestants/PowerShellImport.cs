using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>Import-Module in a new PowerShell.</summary>
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
            return await ImportAsync(path, cancellation);
        }
        finally
        {
            File.Delete(path);
        }
    });

    public static Contestant OfOurs(string name) => new(name, Side.Ours, async (_, cancellation) => await ImportAsync(OurModule, cancellation));

    // Timed inside: the start of PowerShell itself takes far longer, and varies by more than what is looked for.
    private static async Task<TimeSpan> ImportAsync(string module, CancellationToken cancellation)
    {
        var script = "$clock = [Diagnostics.Stopwatch]::StartNew(); Import-Module -ErrorAction Stop '" + module.Replace("'", "''", StringComparison.Ordinal) + "'; $clock.Elapsed.Ticks";
        return new TimeSpan(long.Parse(await ClusterTool.RunProgramAsync(Program!, ["-NoProfile", "-NonInteractive", "-Command", script], cancellation), CultureInfo.InvariantCulture));
    }
}
