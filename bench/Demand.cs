using System;
using System.Globalization;

namespace RedisClusterOps.Benchmarks;

/// <summary>What a contestant of ours has to reach, in a number that the row's runs give.</summary>
/// <param name="Text">For people.</param>
/// <param name="Measured">The number; null where one of the two did not run.</param>
/// <param name="Limit">The number to reach, or not to exceed.</param>
/// <param name="IsFloor">True where less than the limit misses it.</param>
/// <param name="Unit">What follows the number.</param>
internal sealed record Demand(string Text, Func<RowResult, double?> Measured, double Limit, bool IsFloor, string Unit)
{
    /// <summary>At least so many times as fast as another.</summary>
    public static Demand Faster(string ours, string other, double times) => new(
        Invariant($"{ours}: at least {times}× as fast as {other}"), row => row.Ratio(Metric.Seconds, other, ours), times, IsFloor: true, "×");

    /// <summary>At most so many times what another takes.</summary>
    public static Demand Within(string ours, string other, double times, Metric metric = Metric.Seconds) => new(
        Invariant($"{ours}: within {times}× of {other}{(metric == Metric.Seconds ? string.Empty : ", " + Metrics.NameOf(metric))}"),
        row => row.Ratio(metric, ours, other), times, IsFloor: false, "×");

    public static Demand AtLeast(string ours, Metric metric, double value) => new(
        Invariant($"{ours}: at least {value:#,0} {Metrics.UnitOf(metric)}"), row => row.Median(metric, ours), value, IsFloor: true, " " + Metrics.UnitOf(metric));

    public static Demand AtMost(string ours, Metric metric, double value) => new(
        Invariant($"{ours}: {Metrics.NameOf(metric)} at most {value} {Metrics.UnitOf(metric)}"), row => row.Median(metric, ours), value, IsFloor: false, " " + Metrics.UnitOf(metric));

    /// <summary>At most so many milliseconds more than another takes.</summary>
    public static Demand Over(string ours, string other, double milliseconds) => new(
        Invariant($"{ours}: at most {milliseconds} ms over {other}"),
        row => row.Difference(Metric.Seconds, ours, other) * 1000, milliseconds, IsFloor: false, " ms");

    public bool IsMet(double measured) => IsFloor ? measured >= Limit : measured <= Limit;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
