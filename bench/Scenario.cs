using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>The state of a cluster before each run. Rows with the same scenario share a cluster.</summary>
/// <param name="Server">The name of a server in <see cref="Servers"/>.</param>
internal sealed record Scenario(string Server)
{
    public int Masters { get; init; } = 4;

    public int Replicas { get; init; }

    /// <summary>The number of masters that share the slots. The others own none.</summary>
    public int Owners { get; init; } = 3;

    /// <summary>The simulated round trip from the client to the nodes. Between nodes there is no delay.</summary>
    public TimeSpan RoundTrip { get; init; }

    /// <summary>After this time without an answer a node is reported as failed. The default is the servers' own.</summary>
    public TimeSpan NodeTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Writes the keys and returns their number.</summary>
    public Func<BenchCluster, CancellationToken, Task<long>> FillAsync { get; init; } = (_, _) => Task.FromResult(0L);

    /// <summary>The slots to move; empty if the row does not move slots.</summary>
    public Func<BenchCluster, IReadOnlyList<SlotTransfer>> Transfers { get; init; } = _ => [];
}

/// <summary>A range of slots to move from one node to another.</summary>
internal sealed record SlotTransfer(LocalNode Source, LocalNode Target, SlotRange Slots)
{
    public IEnumerable<int> Each => Enumerable.Range(Slots.First, Slots.Count);

    /// <summary>The transfers of a rebalance: every owner's surplus, lowest slots first, to the master without slots.</summary>
    public static IReadOnlyList<SlotTransfer> ToTheEmptyMaster(BenchCluster cluster)
    {
        var shares = LocalClusterOptions.SharesFor(cluster.Scenario.Owners, cluster.Scenario.Masters);
        var share = HashSlot.Count / cluster.Scenario.Masters;
        return [.. cluster.Masters.Zip(shares).Where(pair => pair.Second.Count > 0).Select(pair =>
            new SlotTransfer(pair.First, cluster.Masters[^1], First(pair.Second[0], pair.Second[0].Count - share)))];
    }

    /// <summary>Moves the lowest slots of the first master to the last master.</summary>
    public static IReadOnlyList<SlotTransfer> OfTheFirstMaster(BenchCluster cluster, int count) =>
        [new SlotTransfer(cluster.Masters[0], cluster.Masters[^1], new SlotRange(0, count - 1))];

    private static SlotRange First(SlotRange of, int count) => new(of.First, of.First + count - 1);
}
