using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// Applications at work on the cluster (<see cref="ClientLoad"/>), in a process of their own: a contestant that works in this one must not hold them up
/// by its garbage collections, which no application would feel.
/// </summary>
internal sealed class LiveClients : IWatch
{
    private readonly Process _process;

    /// <param name="bed">A cluster that <see cref="Dataset.SpreadAsync"/> filled.</param>
    /// <param name="keys">With so many keys.</param>
    public LiveClients(Bed bed, int keys)
    {
        // The same program again, however it was started: through `dotnet`, or by its own name.
        var self = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? new[] { typeof(LiveClients).Assembly.Location } : [];
        string[] arguments = [.. self, ClientLoad.CommandName, Number(keys), Number(bed.Scene.Owners), .. bed.Masters.Select(node => Number(node.Endpoint.Port))];
        _process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
        Read(ClientLoad.Ready);
    }

    public void Begin()
    {
        Say(ClientLoad.Begin);
        Read(ClientLoad.Begun);
    }

    public IReadOnlyDictionary<Metric, double> End()
    {
        Say(ClientLoad.End);
        var milliseconds = Read(ClientLoad.Seen).Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToList();
        return new Dictionary<Metric, double> { [Metric.LatencyP50] = milliseconds[0], [Metric.LatencyP99] = milliseconds[1], [Metric.LatencyMax] = milliseconds[2] };
    }

    public void Dispose()
    {
        // The end of its input is the end of its work.
        _process.StandardInput.Dispose();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Say(string word)
    {
        _process.StandardInput.WriteLine(word);
        _process.StandardInput.Flush();
    }

    private string Read(string word) => _process.StandardOutput.ReadLine() is { } line && line.StartsWith(word, StringComparison.Ordinal)
        ? line[word.Length..].Trim()
        : throw new InvalidOperationException("A client was not served: " + _process.StandardOutput.ReadToEnd());

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
