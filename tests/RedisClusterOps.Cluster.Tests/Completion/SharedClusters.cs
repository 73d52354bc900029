using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>One cluster of each server for all tests that leave it as it was; every test gets a slot of its own.</summary>
/// <remarks>
/// Four masters, the last without slots, and a replica for each but on Garnet. Tests of one collection run one after the other.
/// DEBUG is for the tests, which make a node deaf by it; the core does without.
/// </remarks>
[CollectionDefinition(nameof(SharedClusters))]
public sealed class SharedClusters : IAsyncDisposable, ICollectionFixture<SharedClusters>
{
    private const int Owners = 3;
    private readonly Dictionary<string, TestCluster> _clusters = [];
    private int _slotsGiven;

    /// <summary>A slot that no other test uses, and its two ends.</summary>
    /// <param name="source">Its owner: 0, 1 or 2.</param>
    /// <param name="target">Where it is to go: any other master, 3 for the one that began empty.</param>
    internal async Task<SlotScene> SceneAsync(string server, int source = 1, int target = 3)
    {
        var slots = LocalClusterOptions.SharesFor(Owners, Owners + 1)[source][0];
        // The runbook's own slot is near the beginning of the second share, and is kept for its test.
        var slot = slots.Last - ++_slotsGiven;
        return await SceneAsync(server, slot, source, target);
    }

    /// <summary>A slot by its number, for the one test that needs just that.</summary>
    internal async Task<SlotScene> SceneAsync(string server, int slot, int source, int target)
    {
        if (!_clusters.TryGetValue(server, out var cluster))
        {
            // Garnet's replicas take it ten seconds, and prove nothing that the masters do not.
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
