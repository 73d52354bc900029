using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>Clusters that an application works on, so that nothing else slows it down.</summary>
[CollectionDefinition(nameof(TrafficClusters))]
public sealed class TrafficClusters : ICollectionFixture<SharedClusters>;
