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

    public static Contestant OfEmptyModule(string name) => new(name, Side.Reference, async (_, cancellation) =>
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

    public static Contestant OfOurs(string name) =>
        new(name, Side.Ours, async (_, cancellation) => await ImportAsync(OurModule, cancellation));

    // Timed inside PowerShell, whose own start takes far longer and varies by more than the import.
    private static async Task<TimeSpan> ImportAsync(string module, CancellationToken cancellation)
    {
        var quoted = "'" + module.Replace("'", "''", StringComparison.Ordinal) + "'";
        var script = "$clock = [Diagnostics.Stopwatch]::StartNew(); Import-Module -ErrorAction Stop " + quoted + "; $clock.Elapsed.Ticks";
        var shell = await PowerShellProgram.FindToolAsync(cancellation);
        string[] arguments = [.. shell.LeadingArguments, "-NoProfile", "-NonInteractive", "-Command", script];
        var ticks = await ClusterTool.RunProgramAsync(shell.Path, arguments, cancellation);
        return new TimeSpan(long.Parse(ticks, CultureInfo.InvariantCulture));
    }
}
