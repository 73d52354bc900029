using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Benchmarks;

/// <summary>What the rounds of one row gave. Numbers of one round were taken one right after another, so ratios are taken within rounds.</summary>
/// <param name="Row">The row.</param>
/// <param name="Rounds">For each round the readings by contestant.</param>
internal sealed record RowResult(
    Row Row, IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyDictionary<Metric, double>>> Rounds)
{
    /// <summary>Why it was broken off, or not begun; null where it was not.</summary>
    public string? Failure { get; init; }

    /// <summary>Of the scene, such as <c>Redis 7.0.15</c>; null where no server took part.</summary>
    public string? Server { get; init; }

    public IEnumerable<Metric> Metrics => Rounds.SelectMany(round => round.Values).SelectMany(reading => reading.Keys).Distinct().Order();

    public IReadOnlyList<double> Values(Metric metric, string contestant) => [.. Rounds
        .Select(round => round.GetValueOrDefault(contestant)).OfType<IReadOnlyDictionary<Metric, double>>()
        .Where(reading => reading.ContainsKey(metric)).Select(reading => reading[metric])];

    public double? Median(Metric metric, string contestant) => MedianOf(Values(metric, contestant));

    /// <summary>How many times the one's number is the other's, by round.</summary>
    public IReadOnlyList<double> Ratios(Metric metric, string one, string other) =>
        [.. InBoth(one, other).Where(pair => pair.One.ContainsKey(metric) && pair.Other.ContainsKey(metric)).Select(pair => pair.One[metric] / pair.Other[metric])];

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

    private IEnumerable<(IReadOnlyDictionary<Metric, double> One, IReadOnlyDictionary<Metric, double> Other)> InBoth(string one, string other) => Rounds
        .Where(round => round.ContainsKey(one) && round.ContainsKey(other))
        .Select(round => (round[one], round[other]));
}
