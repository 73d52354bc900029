using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>Three masters that share all slots, with default settings. Cases reuse the cluster as long as it is healthy.</summary>
public sealed class ComparisonClusters : IAsyncDisposable
{
    private const int MasterCount = 3;
    private readonly Dictionary<string, TestCluster> _shared = [];
    private int _slotsUsed;

    /// <summary>Returns a fresh slot of the second master, to move to the third.</summary>
    internal async Task<SlotScene> SceneAsync(string server, FixCase what)
    {
        if (what.Cluster is not null || !_shared.TryGetValue(server, out var cluster))
        {
            cluster = await TestCluster.StartAsync(server, MasterCount, what.Replicas, options =>
            {
                options = options with { Slots = LocalClusterOptions.SharesFor(MasterCount, MasterCount) };
                return what.Cluster?.Invoke(options) ?? options;
            });
            if (what.Cluster is null)
                _shared[server] = cluster;
        }

        var last = LocalClusterOptions.SharesFor(MasterCount, MasterCount)[1][0].Last;
        var scene = new SlotScene(cluster, last - ++_slotsUsed, cluster.Node(1), cluster.Node(2));
        for (var attempt = 0; attempt < 100 && !await AgreesAsync(scene); attempt++)
            await Task.Delay(100);
        return scene;
    }

    /// <summary>Removes what a case left. Discards a cluster that does not become consistent again.</summary>
    internal async Task SettleAsync(string server, FixCase what, SlotScene scene)
    {
        if (what.Cluster is not null || !await IsSettledAsync(scene))
        {
            if (what.Cluster is null)
                _shared.Remove(server);
            await scene.Cluster.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _shared.Values)
            await cluster.DisposeAsync();
    }

    private static async Task<bool> IsSettledAsync(SlotScene scene)
    {
        foreach (var node in scene.Cluster.Masters)
        {
            await node.SendAsync("FLUSHALL");
            await node.SendAsync("CLUSTER", "SETSLOT", scene.Slot, "STABLE");
        }

        for (var attempt = 0; attempt < 100; attempt++, await Task.Delay(100))
        {
            if (await AgreesAsync(scene))
                return true;
        }

        return false;
    }

    // The nodes have to agree on the owner and on every epoch. A node that does not know a higher epoch would not raise its own enough.
    private static async Task<bool> AgreesAsync(SlotScene scene)
    {
        var opinions = new HashSet<string>();
        foreach (var node in scene.Cluster.Masters)
        {
            var view = await TestCluster.ViewOfAsync(node);
            if (view.Count(line => line.Slots.Contains(scene.Slot)) != 1)
                return false;
            opinions.Add(string.Join(" ", view.OrderBy(line => line.Id).Select(Describe)));
        }

        return opinions.Count == 1;

        string Describe(NodeLine line) => line.Id + ":" + line.ConfigEpoch + (line.Slots.Contains(scene.Slot) ? "!" : string.Empty);
    }
}
