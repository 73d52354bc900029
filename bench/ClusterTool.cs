using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>The servers' own command-line tool, from the package of the server.</summary>
internal static class ClusterTool
{
    public static Contestant Rebalance(string name, params string[] more) => Contestant.On(name, Side.Tool, (cluster, cancellation) =>
        RunAsync(cluster, ["rebalance", EntryOf(cluster), "--cluster-use-empty-masters", .. more], cancellation));

    public static Contestant Reshard(string name, params string[] more) => Contestant.On(name, Side.Tool, (cluster, cancellation) =>
    {
        var transfer = cluster.Transfers.Single();
        var count = transfer.Slots.Count.ToString(CultureInfo.InvariantCulture);
        string[] slots = ["--cluster-from", transfer.Source.Id, "--cluster-to", transfer.Target.Id, "--cluster-slots", count];
        return RunAsync(cluster, ["reshard", EntryOf(cluster), .. slots, "--cluster-yes", .. more], cancellation);
    });

    public static Contestant Check(string name) =>
        Contestant.On(name, Side.Tool, (cluster, cancellation) => RunAsync(cluster, ["check", EntryOf(cluster)], cancellation));

    public static Contestant Fix(string name) =>
        Contestant.On(name, Side.Tool, (cluster, cancellation) => RunAsync(cluster, ["fix", EntryOf(cluster)], cancellation));

    /// <summary>Runs the tool with <c>--cluster</c> and these arguments.</summary>
    /// <exception cref="InvalidOperationException">The program failed.</exception>
    public static Task RunAsync(BenchCluster cluster, IReadOnlyList<string> arguments, CancellationToken cancellation) =>
        RunProgramAsync(Servers.ToolOf(cluster.Scenario.Server), ["--cluster", .. arguments], cancellation);

    /// <summary>Runs a program and returns its standard output.</summary>
    /// <exception cref="InvalidOperationException">The program failed.</exception>
    public static async Task<string> RunProgramAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }

        if (process.ExitCode != 0)
        {
            var lines = (await output + await errors).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0);
            var command = System.IO.Path.GetFileName(program) + " " + string.Join(' ', arguments.Take(2));
            throw new InvalidOperationException(
                command + " returned exit code " + process.ExitCode + ": " + string.Join(" / ", lines.TakeLast(3)));
        }

        return await output;
    }

    private static string EntryOf(BenchCluster cluster) => cluster.AddressOf(cluster.Masters[0]).ToString();
}
