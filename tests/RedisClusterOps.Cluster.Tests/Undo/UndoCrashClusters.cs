using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Undo;

/// <summary>Clusters of their own for the crashes of undo, so that they run beside the other tests.</summary>
[CollectionDefinition(nameof(UndoCrashClusters))]
public sealed class UndoCrashClusters : ICollectionFixture<SharedClusters>;
