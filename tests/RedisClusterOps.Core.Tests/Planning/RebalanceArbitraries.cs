using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A cluster and what a person wants of it.</summary>
/// <param name="Weights">Of each master; null where none is named.</param>
internal sealed record RebalanceCase(PlannedCluster Cluster, IReadOnlyList<double?> Weights, RebalanceOptions Options)
{
    public override string ToString() => Cluster.Masters + " masters: " + string.Join(" ", Cluster.SlotCounts) + "; " + Options;
}

/// <summary>
/// Random clusters of 1 to 300 masters: in runs or in crumbs, even or lopsided, with empty masters, weights and thresholds.
/// </summary>
internal static class RebalanceArbitraries
{
    public static Arbitrary<RebalanceCase> Cases { get; } = Gen.Choose(0, int.MaxValue)
        .Select(seed => Make(new Random(seed))).ToArbitrary();

    private static RebalanceCase Make(Random random)
    {
        var masters = random.Next(10) == 0 ? random.Next(1, 301) : random.Next(1, 13);
        var cluster = new PlannedCluster(Owners(random, masters), masters)
        {
            Replicas = random.Next(2) == 0 ? 0 : random.Next(masters + 1),
            Keys = Loads(random),
            Bytes = Loads(random),
        };
        var weights = Enumerable.Range(0, masters).Select(_ => random.Next(3) > 0 ? null : Weight(random)).ToList();
        if (weights.TrueForAll(weight => weight == 0))
            weights[0] = 1;
        // At least one owner of slots must have a weight: by default, empty masters have none.
        var owner = cluster.OwnerOfSlot[0];
        weights[owner] = weights[owner] == 0 ? 1 : weights[owner];
        return new RebalanceCase(cluster, weights, new RebalanceOptions
        {
            Weights = Enumerable.Range(0, masters)
                .Where(index => weights[index] is not null).ToDictionary(index => random.Next(2) == 0 ? PlannedCluster.Id(index)
                    : PlannedCluster.Name(index), index => weights[index]!.Value),
            UseEmptyMaster = random.Next(2) == 0,
            Threshold = random.Next(5) switch { 0 => 0, 1 => 2, 2 => random.Next(0, 20), 3 => random.Next(1, 1000) / 100.0, _ =>
                random.Next(0, 101) },
            By = (RebalanceMeasure)random.Next((int)RebalanceMeasure.Memory + 1),
        });
    }

    private static int[] Owners(Random random, int masters)
    {
        var owning = random.Next(1, masters + 1);
        var owners = new int[HashSlot.Count];
        switch (random.Next(4))
        {
            case 0:
                return [.. owners.Select((_, slot) => slot * owning / HashSlot.Count)];
            case 1:
                return [.. owners.Select(_ => random.Next(owning))];
            case 2:
                return [.. owners.Select(_ => random.Next(random.Next(owning) + 1))];
            default:
                for (var slot = 0; slot < owners.Length;)
                {
                    var (owner, end) = (random.Next(owning), Math.Min(owners.Length, slot + random.Next(1, 800)));
                    while (slot < end)
                        owners[slot++] = owner;
                }

                // Nearly even: what a rebalance leaves, with a slot here and there out of place.
                return random.Next(2) == 0 ? owners
                    : [.. owners.Select((_, slot) => random.Next(200) == 0 ? random.Next(owning) : slot * owning / HashSlot.Count)];
        }
    }

    private static double? Weight(Random random) =>
        random.Next(6) switch { 0 => 0, 1 => 0.5, 2 => 2, 3 => 1.25, 4 => random.Next(1, 10), _ => random.Next(1, 2000) / 100.0 };

    private static Func<int, long?> Loads(Random random)
    {
        var most = random.Next(4) switch { 0 => 2, 1 => 50, 2 => 100_000, _ => int.MaxValue };
        var filled = random.Next(3) switch { 0 => 1.0, 1 => 0.1, _ => 0.001 };
        var hot = random.Next(3) == 0;
        var loads = Enumerable.Range(0, HashSlot.Count)
            .Select(_ => random.NextDouble() > filled ? 0L : hot && random.Next(100) == 0 ? most * 1000L : random.Next(most)).ToArray();
        return slot => loads[slot];
    }
}
