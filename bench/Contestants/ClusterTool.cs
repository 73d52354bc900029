using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>The servers' own tool, of the same package as the server.</summary>
internal static class ClusterTool
{
    public static Contestant Rebalance(string name, params string[] more) => Contestant.On(name, Side.Tool, (bed, cancellation) =>
        RunAsync(bed, ["rebalance", EntryOf(bed), "--cluster-use-empty-masters", .. more], cancellation));

    public static Contestant Reshard(string name, params string[] more) => Contestant.On(name, Side.Tool, (bed, cancellation) =>
    {
        var shift = bed.Shifts.Single();
        string[] what = ["--cluster-from", shift.Source.Id, "--cluster-to", shift.Target.Id, "--cluster-slots", shift.Slots.Count.ToString(CultureInfo.InvariantCulture)];
        return RunAsync(bed, ["reshard", EntryOf(bed), .. what, "--cluster-yes", .. more], cancellation);
    });

    public static Contestant Check(string name) => Contestant.On(name, Side.Tool, (bed, cancellation) => RunAsync(bed, ["check", EntryOf(bed)], cancellation));

    public static Contestant Fix(string name) => Contestant.On(name, Side.Tool, (bed, cancellation) => RunAsync(bed, ["fix", EntryOf(bed)], cancellation));

    /// <summary>Runs <c>--cluster</c> with these arguments.</summary>
    /// <exception cref="InvalidOperationException">It ended with an error.</exception>
    public static Task RunAsync(Bed bed, IReadOnlyList<string> arguments, CancellationToken cancellation) =>
        RunProgramAsync(Servers.ToolOf(bed.Scene.Server), ["--cluster", .. arguments], cancellation);

    /// <summary>Runs a program and returns what it said.</summary>
    /// <exception cref="InvalidOperationException">It ended with an error.</exception>
    public static async Task<string> RunProgramAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var said = process.StandardOutput.ReadToEndAsync(cancellation);
        var complained = process.StandardError.ReadToEndAsync(cancellation);
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
            var words = (await said + await complained).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0);
            throw new InvalidOperationException(System.IO.Path.GetFileName(program) + " " + string.Join(' ', arguments.Take(2)) + " ended with " + process.ExitCode + ": " + string.Join(" / ", words.TakeLast(3)));
        }

        return await said;
    }

    private static string EntryOf(Bed bed) => bed.DoorOf(bed.Masters[0]).ToString();
}
