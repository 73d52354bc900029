using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>Runs a row's contestants in turn, round after round, every other round in the opposite order.</summary>
internal static class Rounds
{
    /// <param name="row">The row.</param>
    /// <param name="contestants">The contestants to run.</param>
    /// <param name="count">The number of rounds.</param>
    /// <param name="cluster">The cluster of the row's scenario; null if it has none.</param>
    /// <param name="log">Is called with a line of text after every run.</param>
    /// <param name="cancellation">Cancels the current run.</param>
    public static async Task<RowResult> RunAsync(
        Row row,
        IReadOnlyList<Contestant> contestants,
        int count,
        BenchCluster? cluster,
        Action<string> log,
        CancellationToken cancellation)
    {
        var rounds = new List<IReadOnlyDictionary<string, IReadOnlyDictionary<Metric, double>>>();
        for (var round = 1; round <= count; round++)
        {
            var readings = new Dictionary<string, IReadOnlyDictionary<Metric, double>>();
            rounds.Add(readings);
            foreach (var contestant in round % 2 == 1 ? contestants : contestants.Reverse())
            {
                try
                {
                    readings[contestant.Name] = await MeasureAsync(row, contestant, cluster, cancellation);
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    log("round " + round + ", " + contestant.Name + " failed: " + failure);
                    return new RowResult(row, rounds)
                    {
                        Server = cluster?.Description,
                        Failure = contestant.Name + " failed in round " + round + ": " + failure.Message,
                    };
                }

                var values = readings[contestant.Name].OrderBy(pair => pair.Key)
                    .Select(pair => Metrics.NameOf(pair.Key) + " " + Metrics.Text(pair.Key, pair.Value) + " " + Metrics.UnitOf(pair.Key));
                log("round " + round + ", " + contestant.Name + ": " + string.Join(", ", values));
            }
        }

        return new RowResult(row, rounds) { Server = cluster?.Description };
    }

    private static async Task<IReadOnlyDictionary<Metric, double>> MeasureAsync(
        Row row, Contestant contestant, BenchCluster? cluster, CancellationToken cancellation)
    {
        if (cluster is not null && !row.OnlyReads)
            await cluster.ResetAsync(cancellation);
        if (cluster is not null)
            cluster.RoundTrips = null;
        // Collects the garbage of the previous run before this one is timed.
        GC.Collect();
        using var probe = cluster is null ? null : row.Probe?.Invoke(cluster);
        probe?.Begin();
        var (clock, used) = (Stopwatch.StartNew(), ProcessorTime());
        var own = await contestant.RunAsync(cluster, cancellation);
        var seconds = (own ?? clock.Elapsed).TotalSeconds;
        used = ProcessorTime() - used;
        var readings = new Dictionary<Metric, double>(probe?.End() ?? new Dictionary<Metric, double>()) { [Metric.Seconds] = seconds };
        if (cluster?.RoundTrips is { } counted)
            (readings[Metric.RoundTrips], readings[Metric.RoundTripsInARow]) = (counted.All, counted.InARow);
        if (cluster is { KeysToMove: > 0 })
        {
            readings[Metric.KeysPerSecond] = cluster.KeysToMove / seconds;
            if (used > TimeSpan.Zero)
                readings[Metric.MoverCpu] = used.TotalMicroseconds / cluster.KeysToMove;
        }

        if (cluster is not null && !row.OnlyReads)
            await cluster.VerifyAsync(cancellation);
        return readings;
    }

    // Of this process and of its children that have ended, which are the tools. The servers run on, and end between the runs.
    private static TimeSpan ProcessorTime()
    {
        const string Own = "/proc/self/stat";
        const double TicksPerSecond = 100;
        if (!File.Exists(Own))
            return TimeSpan.Zero;
        var line = File.ReadAllText(Own);
        // utime, stime, cutime and cstime. The name of the process, in parentheses, may contain spaces.
        var fields = line[(line.LastIndexOf(')') + 2)..].Split(' ')[11..15];
        return TimeSpan.FromSeconds(fields.Sum(field => long.Parse(field, CultureInfo.InvariantCulture)) / TicksPerSecond);
    }
}

/// <summary>
/// The results of one row. The runs of a round follow directly on each other, so ratios are computed within rounds.
/// </summary>
/// <param name="Row">The row.</param>
/// <param name="Rounds">For each round, the readings by contestant.</param>
internal sealed record RowResult(
    Row Row, IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyDictionary<Metric, double>>> Rounds)
{
    /// <summary>Why the row was aborted or did not start; null if it is complete.</summary>
    public string? Failure { get; init; }

    /// <summary>The server of the scenario, such as <c>Redis 7.0.15</c>; null if there is none.</summary>
    public string? Server { get; init; }

    public IEnumerable<Metric> Metrics => Rounds.SelectMany(round => round.Values).SelectMany(reading => reading.Keys).Distinct().Order();

    public IReadOnlyList<double> Values(Metric metric, string contestant) => [.. Rounds
        .Select(round => round.GetValueOrDefault(contestant)).OfType<IReadOnlyDictionary<Metric, double>>()
        .Where(reading => reading.ContainsKey(metric)).Select(reading => reading[metric])];

    public double? Median(Metric metric, string contestant) => MedianOf(Values(metric, contestant));

    /// <summary>The ratio of one contestant's value to the other's, for each round.</summary>
    public IReadOnlyList<double> Ratios(Metric metric, string one, string other) =>
        [.. InBoth(one, other)
            .Where(pair => pair.One.ContainsKey(metric) && pair.Other.ContainsKey(metric))
            .Select(pair => pair.One[metric] / pair.Other[metric])];

    public double? Ratio(Metric metric, string one, string other) => MedianOf(Ratios(metric, one, other));

    public double? Difference(Metric metric, string one, string other) =>
        MedianOf([.. InBoth(one, other).Select(pair => pair.One[metric] - pair.Other[metric])]);

    private static double? MedianOf(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            return null;
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private IEnumerable<(IReadOnlyDictionary<Metric, double> One, IReadOnlyDictionary<Metric, double> Other)> InBoth(
        string one, string other) => Rounds
        .Where(round => round.ContainsKey(one) && round.ContainsKey(other))
        .Select(round => (round[one], round[other]));
}
