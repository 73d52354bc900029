using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster.Tests;
using RedisClusterOps.Cluster.Tests.Atomic;
using RedisClusterOps.Cluster.Tests.Comparison;
using RedisClusterOps.Cluster.Tests.Conflicts;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Framework;
using RedisClusterOps.Cluster.Tests.Guarded;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.LabProgram;
using RedisClusterOps.Cluster.Tests.Members;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Cluster.Tests.Repair;
using RedisClusterOps.Cluster.Tests.Simulation;
using RedisClusterOps.Cluster.Tests.States;
using RedisClusterOps.Cluster.Tests.Traffic;
using RedisClusterOps.Cluster.Tests.Undo;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Starts the longest collections first. A collection that runs for minutes and starts last would run alone at the end.</summary>
internal sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] Long =
    [
        nameof(KilledRunTests), nameof(KilledRebalanceTests), nameof(Completion.SharedClusters), nameof(AtomicInterruptionTests),
        nameof(UndoCrashClusters), nameof(Moves.EndedRunTests), nameof(NodeLifeTests), nameof(KilledChangeTests), nameof(TourTests),
        nameof(StateClusters), nameof(FixComparisonTests), nameof(RepairClusters), nameof(HandoverTakeoverTests), nameof(TrafficClusters),
        nameof(NodeTroubleTests), nameof(AtomicMoveTests), nameof(PromotedReplicaTests), nameof(KilledNodeTests), nameof(LabTests),
        nameof(LargeValueTests), nameof(RealityTests), nameof(HealthFindingTests), nameof(SecretTests), nameof(MainJobOnMonoTests),
        nameof(LocalClusterTests), nameof(RightsTableTests), nameof(StoppedRunTests), nameof(EveryKeyTests), nameof(NodeFailureTests),
        nameof(InterruptedTransferTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => PlaceOf(collection.TestCollectionDisplayName))];

    private static int PlaceOf(string name)
    {
        var place = Array.FindIndex(Long, part => name.Contains(part, StringComparison.Ordinal));
        return place >= 0 ? place : Long.Length;
    }
}
