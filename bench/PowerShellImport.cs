using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>Import-Module in a new process of the repository's PowerShell, alone or with a first command.</summary>
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

    /// <param name="command">A command that gets the address of the row's cluster as its argument; null for none.</param>
    public static Contestant OfOurs(string name, string? command = null) => new(
        name,
        Side.Ours,
        async (cluster, cancellation) => await ImportAsync(
            OurModule, cancellation, command is null ? string.Empty : "; [void](" + command + " " + cluster!.Session() + " 6> $null)"));

    // Timed inside PowerShell, whose own start takes far longer and varies by more than the import.
    private static async Task<TimeSpan> ImportAsync(string module, CancellationToken cancellation, string command = "")
    {
        var quoted = "'" + module.Replace("'", "''", StringComparison.Ordinal) + "'";
        var script = "$clock = [Diagnostics.Stopwatch]::StartNew(); Import-Module -ErrorAction Stop " + quoted + command
            + "; $clock.Elapsed.Ticks";
        var shell = await PowerShellProgram.FindToolAsync(cancellation);
        string[] arguments = [.. shell.LeadingArguments, "-NoProfile", "-NonInteractive", "-Command", script];
        var ticks = await ClusterTool.RunProgramAsync(shell.Path, arguments, cancellation);
        return new TimeSpan(long.Parse(ticks, CultureInfo.InvariantCulture));
    }
}
