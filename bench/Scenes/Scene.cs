using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>A cluster as it is before each run. Rows with the same one share it.</summary>
/// <param name="Server">A name of <see cref="Servers"/>.</param>
internal sealed record Scene(string Server)
{
    public int Masters { get; init; } = 4;

    public int Replicas { get; init; }

    /// <summary>How many of the masters share the slots; the others have none.</summary>
    public int Owners { get; init; } = 3;

    /// <summary>Between us and the nodes; the nodes among themselves have none.</summary>
    public TimeSpan RoundTrip { get; init; }

    /// <summary>Writes the keys and returns how many there are.</summary>
    public Func<Bed, CancellationToken, Task<long>> FillAsync { get; init; } = (_, _) => Task.FromResult(0L);

    /// <summary>What is to be moved; none where something else is to be done.</summary>
    public Func<Bed, IReadOnlyList<SlotShift>> Shifts { get; init; } = _ => [];
}
