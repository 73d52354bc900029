using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Rebalance;

/// <summary>An empty cluster of four masters whose slots are assigned again for each case.</summary>
public sealed class LaidOutCluster : IAsyncDisposable
{
    private const int Masters = 4;
    private TestCluster? _cluster;

    /// <summary>Returns the cluster with this number of slots for each master, in ranges or scattered.</summary>
    internal async Task<TestCluster> WithAsync(int[] counts, bool isScattered)
    {
        // A master that loses its last slot stays a master.
        _cluster ??= await TestCluster.StartAsync(
            Servers.Redis70, Masters, 0, options => options with { ConfigLines = ["cluster-allow-replica-migration no"] });
        var owners = isScattered ? Scattered(counts) : [.. counts.SelectMany((count, index) => Enumerable.Repeat(index, count))];
        for (var attempt = 0; attempt < 50; attempt++)
        {
            // Gossip in transit may restore former owners, so the assignment is repeated.
            if (await AgreesAsync(owners))
                return _cluster;
            await Task.WhenAll(_cluster.Masters.Select(node => AssignAsync(node, owners)));
            await Task.Delay(100);
        }

        throw new TimeoutException("The nodes did not agree on the owner of each slot.");
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    // There are no keys, so owners can be assigned directly.
    private async Task AssignAsync(LocalNode node, int[] owners)
    {
        using var connection = await node.ConnectAsync();
        var commands = owners.Select((owner, slot) => RespCommand.Of("CLUSTER", "SETSLOT", slot, "NODE", _cluster!.Node(owner).Id))
            .ToList();
        foreach (var part in commands.Chunk(2000))
            Assert(await connection.SendAsync(part, null, default));

        static void Assert(IReadOnlyList<RespValue> replies) => Xunit.Assert.DoesNotContain(replies, reply => reply.IsError);
    }

    private async Task<bool> AgreesAsync(int[] owners)
    {
        foreach (var node in _cluster!.Masters)
        {
            var view = await TestCluster.ViewOfAsync(node);
            if (!view.All(line => line.Slots.Slots.SequenceEqual(SlotsOf(line.Id))))
                return false;
        }

        return true;

        IEnumerable<int> SlotsOf(string id) => Enumerable.Range(0, HashSlot.Count).Where(slot => _cluster.Node(owners[slot]).Id == id);
    }

    // Spreads the slots of each master over the whole range.
    private static int[] Scattered(int[] counts)
    {
        var left = (int[])counts.Clone();
        return [.. Enumerable.Range(0, HashSlot.Count).Select(_ =>
        {
            var most = Array.IndexOf(left, left.Max());
            left[most]--;
            return most;
        })];
    }
}
