using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>Separate clusters for the application, so that no other test slows it down.</summary>
[CollectionDefinition(nameof(TrafficClusters))]
public sealed class TrafficClusters : ICollectionFixture<SharedClusters>;
