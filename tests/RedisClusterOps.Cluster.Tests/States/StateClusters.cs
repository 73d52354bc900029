using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>Clusters of their own for the table of states and operations, so that it runs beside the other tests.</summary>
[CollectionDefinition(nameof(StateClusters))]
public sealed class StateClusters : ICollectionFixture<SharedClusters>;
