using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>One cluster of each server for all tests of a class. Each test has slots of its own.</summary>
public sealed class SharedClusters : IAsyncLifetime
{
    private readonly Dictionary<string, Task<TestCluster>> _clusters = [];
    private int _slot;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters.Values)
        {
            if (cluster.IsCompletedSuccessfully)
                await (await cluster).DisposeAsync();
        }
    }

    /// <summary>Returns a slot of the first master to move to the last one, which has no slots. It is not open yet.</summary>
    internal async Task<MovingSlot> SlotAsync(string server)
    {
        Task<TestCluster>? cluster;
        lock (_clusters)
        {
            if (!_clusters.TryGetValue(server, out cluster))
                _clusters[server] = cluster = TestCluster.StartAsync(server);
        }

        return new MovingSlot(await cluster, Interlocked.Increment(ref _slot));
    }
}
