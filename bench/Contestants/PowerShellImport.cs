using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>Import-Module in a new process of the repository's PowerShell.</summary>
internal static class PowerShellImport
{
    private static readonly string Repository = Path.GetFullPath(typeof(PowerShellImport).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "Repository").Value!);

    private static string OurModule => Path.Combine(Repository, "out", "RedisClusterOps", "RedisClusterOps.psd1");

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
        var shell = await PowerShellProgram.FindToolAsync(cancellation);
        string[] arguments = [.. shell.LeadingArguments, "-NoProfile", "-NonInteractive", "-Command", script];
        return new TimeSpan(long.Parse(await ClusterTool.RunProgramAsync(shell.Path, arguments, cancellation), CultureInfo.InvariantCulture));
    }
}
