using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>Runs a row's contestants in turn, round after round, every other round in the opposite order.</summary>
internal static class Rounds
{
    /// <param name="row">What is done.</param>
    /// <param name="contestants">By whom.</param>
    /// <param name="count">How often.</param>
    /// <param name="bed">The row's scene; null where it has none.</param>
    /// <param name="told">Hears of every run when it is over.</param>
    /// <param name="cancellation">Ends a run in the middle.</param>
    public static async Task<RowResult> RunAsync(
        Row row, IReadOnlyList<Contestant> contestants, int count, Bed? bed, Action<string> told, CancellationToken cancellation)
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
                    readings[contestant.Name] = await MeasureAsync(row, contestant, bed, cancellation);
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    told("round " + round + ", " + contestant.Name + " failed: " + failure);
                    return new RowResult(row, rounds) { Server = bed?.Description, Failure = contestant.Name + " failed in round " + round + ": " + failure.Message };
                }

                told("round " + round + ", " + contestant.Name + ": "
                    + string.Join(", ", readings[contestant.Name].OrderBy(pair => pair.Key).Select(pair => Metrics.NameOf(pair.Key) + " " + Metrics.Text(pair.Key, pair.Value) + " " + Metrics.UnitOf(pair.Key))));
            }
        }

        return new RowResult(row, rounds) { Server = bed?.Description };
    }

    private static async Task<IReadOnlyDictionary<Metric, double>> MeasureAsync(Row row, Contestant contestant, Bed? bed, CancellationToken cancellation)
    {
        if (bed is not null && !row.OnlyReads)
            await bed.ResetAsync(cancellation);
        // What the run before left over is not to be collected during this one.
        GC.Collect();
        using var watch = bed is null ? null : row.Watch?.Invoke(bed);
        watch?.Begin();
        var clock = Stopwatch.StartNew();
        var own = await contestant.RunAsync(bed, cancellation);
        var seconds = (own ?? clock.Elapsed).TotalSeconds;
        var seen = new Dictionary<Metric, double>(watch?.End() ?? new Dictionary<Metric, double>()) { [Metric.Seconds] = seconds };
        if (bed is { KeysToMove: > 0 })
            seen[Metric.KeysPerSecond] = bed.KeysToMove / seconds;
        if (bed is not null && !row.OnlyReads)
            await bed.ProveAsync(cancellation);
        return seen;
    }
}
