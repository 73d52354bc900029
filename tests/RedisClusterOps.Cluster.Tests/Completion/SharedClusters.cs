using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>One cluster of each server, shared by the tests that restore its state. Every test has a slot of its own.</summary>
/// <remarks>
/// Four masters, the last without slots, and a replica of each except on Garnet. Tests of one collection run one after the other.
/// The tests need DEBUG to drop cluster bus packets. The core does not use it.
/// </remarks>
[CollectionDefinition(nameof(SharedClusters))]
public sealed class SharedClusters : IAsyncDisposable, ICollectionFixture<SharedClusters>
{
    private const int Owners = 3;
    private readonly Dictionary<string, TestCluster> _clusters = [];
    private int _slotsUsed;

    /// <summary>Returns a slot that no other test uses, with its source and target.</summary>
    /// <param name="source">The index of its owner: 0, 1 or 2.</param>
    /// <param name="target">The index of the target: any other master. Master 3 starts without slots.</param>
    internal async Task<SlotScene> SceneAsync(string server, int source = 1, int target = 3)
    {
        var slots = LocalClusterOptions.SharesFor(Owners, Owners + 1)[source][0];
        // The slot of the runbook is near the beginning of the second range and is reserved for its test.
        var slot = slots.Last - ++_slotsUsed;
        return await SceneAsync(server, slot, source, target);
    }

    /// <summary>Returns the slot with this number, for a test that needs a specific one.</summary>
    internal async Task<SlotScene> SceneAsync(string server, int slot, int source, int target)
    {
        if (!_clusters.TryGetValue(server, out var cluster))
        {
            // Replicas of Garnet take ten seconds to start and prove nothing more.
            var replicas = server == Servers.Garnet ? 0 : Owners + 1;
            _clusters[server] = cluster = await TestCluster.StartAsync(
                server, Owners + 1, replicas, options => options with { ConfigLines = ["enable-debug-command yes"] });
        }

        return new SlotScene(cluster, slot, cluster.Node(source), cluster.Node(target));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters.Values)
            await cluster.DisposeAsync();
    }
}
