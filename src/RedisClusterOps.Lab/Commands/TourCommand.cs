using System.CommandLine;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab.Tour;

namespace RedisClusterOps.Lab.Commands;

/// <summary><c>tour</c>: diagnoses and completes a stuck slot migration, on a cluster of its own that is removed afterwards.</summary>
internal static class TourCommand
{
    public static Command Create(LabCommandLine line)
    {
        var command = new Command(
            "tour",
            "Start a cluster and stop a slot migration half-way. Diagnose and complete the migration, rebalance the cluster and undo "
            + "the rebalance, with the cmdlets in a real PowerShell. Verify on the servers that no key is lost. Remove the cluster.");
        command.SetAction((_, stop) => RunAsync(line, stop));
        return command;
    }

    private static async Task<int> RunAsync(LabCommandLine line, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var module = RepositoryFolder.BuiltModule();
        var server = await line.FindServerAsync(stop);
        var powershell = await line.FindPowerShellAsync(stop);
        line.Out.WriteLine(
            "A stuck slot migration on a cluster with 4 masters of " + server.Name
            + ", repaired with PowerShell " + powershell.Version + ".");
        line.Out.WriteLine("The tour removes its cluster at the end.");
        await using (var cluster = await LocalCluster.StartAsync(new LocalClusterOptions { Server = server, EndsOnSignals = false }, stop))
        {
            using var shell = new TourShell(powershell, Path.Combine(cluster.Folder, "journal"));
            await new TourRun(line.Out, cluster, shell).RunAsync(module, stop);
        }

        line.Out.WriteLine();
        var seconds = (int)clock.Elapsed.TotalSeconds;
        line.Out.WriteLine("Every step was proved, and every server and file is removed. It took " + seconds + " s.");
        line.Out.WriteLine("To try it on a cluster that keeps running: " + LabCommandLine.Invocation + "up");
        return 0;
    }
}
