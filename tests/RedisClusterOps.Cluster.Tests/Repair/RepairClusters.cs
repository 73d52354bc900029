using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>Clusters of their own for repairs: many of these are of the cluster as a whole, not of one slot.</summary>
[CollectionDefinition(nameof(RepairClusters))]
public sealed class RepairClusters : ICollectionFixture<SharedClusters>;
