using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>Separate clusters for the table of states and operations, so that it runs in parallel with other tests.</summary>
[CollectionDefinition(nameof(StateClusters))]
public sealed class StateClusters : ICollectionFixture<SharedClusters>;
