using RedisClusterOps.Cluster.Tests.Completion;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Undo;

/// <summary>Separate clusters for the crashes of an undo, so that they run in parallel with other tests.</summary>
[CollectionDefinition(nameof(UndoCrashClusters))]
public sealed class UndoCrashClusters : ICollectionFixture<SharedClusters>;
