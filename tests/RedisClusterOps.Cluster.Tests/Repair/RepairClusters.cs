using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>Separate clusters for repairs, because many of them repair the whole cluster.</summary>
[CollectionDefinition(nameof(RepairClusters))]
public sealed class RepairClusters : ICollectionFixture<SharedClusters>;
