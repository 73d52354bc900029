using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>One row of the comparison: several contestants do the same work on the same cluster.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Work">A description of the work.</param>
/// <param name="Scenario">The cluster; null if none is needed.</param>
/// <param name="Contestants">The contestants. The first is the existing tool, which the others are compared with.</param>
internal sealed record Row(string Name, string Work, Scenario? Scenario, IReadOnlyList<Contestant> Contestants)
{
    public IReadOnlyList<Requirement> Requirements { get; init; } = [];

    /// <summary>Creates a probe that measures more than the time while a contestant runs.</summary>
    public Func<BenchCluster, IProbe>? Probe { get; init; }

    /// <summary>True to plot the speed of the contestants against the latency of clients.</summary>
    public bool HasCurve { get; init; }

    /// <summary>True if the work changes nothing, so that the cluster is neither reset nor verified between runs.</summary>
    public bool OnlyReads { get; init; }

    /// <summary>Rounds per requested round. Work that takes milliseconds needs more of them.</summary>
    public int RoundFactor { get; init; } = 1;

    /// <summary>Why the row can't run on this machine; null if it can.</summary>
    public string? SkipReason { get; init; }
}

internal enum Side
{
    /// <summary>An existing tool.</summary>
    Tool,

    /// <summary>The lower bound: the bare commands, without checks and verification.</summary>
    Reference,

    Ours,
}

/// <summary>One way to do the work of a row.</summary>
/// <param name="Name">The display name, unique in the row.</param>
/// <param name="Side">Whose way it is.</param>
/// <param name="RunAsync">Does the work. Returns the time if it measured the work itself, otherwise null.</param>
internal sealed record Contestant(string Name, Side Side, Func<BenchCluster?, CancellationToken, Task<TimeSpan?>> RunAsync)
{
    /// <summary>Creates a contestant that works on a cluster and does not measure its own time.</summary>
    public static Contestant On(string name, Side side, Func<BenchCluster, CancellationToken, Task> work) =>
        new(name, side, async (cluster, cancellation) =>
        {
            await work(cluster ?? throw new InvalidOperationException("The row has no cluster."), cancellation);
            return null;
        });
}

/// <summary>A requirement for one of our contestants, as a number that is computed from the row's results.</summary>
/// <param name="Text">The display text.</param>
/// <param name="Measured">Computes the number; null if a contestant did not run.</param>
/// <param name="Limit">The minimum or maximum.</param>
/// <param name="IsFloor">True if the limit is a minimum.</param>
/// <param name="Unit">The unit after the number.</param>
internal sealed record Requirement(string Text, Func<RowResult, double?> Measured, double Limit, bool IsFloor, string Unit)
{
    /// <summary>At least this many times as fast as another contestant.</summary>
    public static Requirement Faster(string ours, string other, double times) => new(
        Invariant($"{ours}: at least {times}× as fast as {other}"),
        row => row.Ratio(Metric.Seconds, other, ours),
        times,
        IsFloor: true,
        "×");

    /// <summary>At most this many times the value of another contestant.</summary>
    public static Requirement Within(string ours, string other, double times, Metric metric = Metric.Seconds) => new(
        Invariant($"{ours}: within {times}× of {other}{(metric == Metric.Seconds ? string.Empty : ", " + Metrics.NameOf(metric))}"),
        row => row.Ratio(metric, ours, other), times, IsFloor: false, "×");

    public static Requirement AtLeast(string ours, Metric metric, double value) => new(
        Invariant($"{ours}: at least {value:#,0} {Metrics.UnitOf(metric)}"),
        row => row.Median(metric, ours),
        value,
        IsFloor: true,
        " " + Metrics.UnitOf(metric));

    public static Requirement AtMost(string ours, Metric metric, double value) => new(
        Invariant($"{ours}: {Metrics.NameOf(metric)} at most {value} {Metrics.UnitOf(metric)}"),
        row => row.Median(metric, ours),
        value,
        IsFloor: false,
        " " + Metrics.UnitOf(metric));

    /// <summary>At most this many milliseconds slower than another contestant.</summary>
    public static Requirement Over(string ours, string other, double milliseconds) => new(
        Invariant($"{ours}: at most {milliseconds} ms over {other}"),
        row => row.Difference(Metric.Seconds, ours, other) * 1000, milliseconds, IsFloor: false, " ms");

    /// <summary>At least this many times as fast as another contestant, at some point of the curves.</summary>
    public static Requirement OnCurve(string text, Func<RowResult, double?> measured, double times) =>
        new(text, measured, times, IsFloor: true, "×");

    public bool IsMet(double measured) => IsFloor ? measured >= Limit : measured <= Limit;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
