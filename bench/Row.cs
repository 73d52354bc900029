using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>One line of the comparison: the same work done by several contestants on the same cluster.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Work">What is done, for people.</param>
/// <param name="Scene">The cluster; null where none is needed.</param>
/// <param name="Contestants">The first is today's tool, which the others are compared with.</param>
internal sealed record Row(string Name, string Work, Scene? Scene, IReadOnlyList<Contestant> Contestants)
{
    public IReadOnlyList<Demand> Demands { get; init; } = [];

    /// <summary>What is looked at while a contestant runs, besides the clock.</summary>
    public Func<Bed, IWatch>? Watch { get; init; }

    /// <summary>Nothing is changed, so nothing is set back or proved between two runs.</summary>
    public bool OnlyReads { get; init; }

    /// <summary>Rounds for each one asked for: what takes milliseconds wants more of them.</summary>
    public int RoundFactor { get; init; } = 1;

    /// <summary>Why it can't be run here; null where it can.</summary>
    public string? Hindrance { get; init; }
}

internal enum Side
{
    /// <summary>What people have today.</summary>
    Tool,

    /// <summary>What is reachable: no safety, no reading, no proof.</summary>
    Yardstick,

    Ours,
}

/// <param name="Name">For people; one name for one contestant of a row.</param>
/// <param name="RunAsync">Does the work. Where it timed the work itself it returns that, else null.</param>
internal sealed record Contestant(string Name, Side Side, Func<Bed?, CancellationToken, Task<TimeSpan?>> RunAsync)
{
    /// <summary>One that works on a cluster and is timed from outside.</summary>
    public static Contestant On(string name, Side side, Func<Bed, CancellationToken, Task> work) => new(name, side, async (bed, cancellation) =>
    {
        await work(bed ?? throw new InvalidOperationException("The row has no cluster."), cancellation);
        return null;
    });
}

internal enum Metric
{
    Seconds,
    KeysPerSecond,
    LongestStall,
    LatencyP50,
    LatencyP99,
    LatencyMax,
}
