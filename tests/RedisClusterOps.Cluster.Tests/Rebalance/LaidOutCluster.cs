using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Rebalance;

/// <summary>An empty cluster of four masters whose slots are laid out anew for each case.</summary>
public sealed class LaidOutCluster : IAsyncDisposable
{
    private const int Masters = 4;
    private TestCluster? _cluster;

    /// <summary>The cluster with so many slots for each master, in runs or dealt out one by one.</summary>
    internal async Task<TestCluster> WithAsync(int[] counts, bool inCrumbs)
    {
        // A master that loses its last slot is to stay one.
        _cluster ??= await TestCluster.StartAsync(Servers.Redis70, Masters, 0, options => options with { ConfigLines = ["cluster-allow-replica-migration no"] });
        var owners = inCrumbs ? Crumbs(counts) : [.. counts.SelectMany((count, index) => Enumerable.Repeat(index, count))];
        for (var attempt = 0; attempt < 50; attempt++)
        {
            // Where gossip that was under way brings back what was, it is told again.
            if (await AgreesAsync(owners))
                return _cluster;
            await Task.WhenAll(_cluster.Masters.Select(node => TellAsync(node, owners)));
            await Task.Delay(100);
        }

        throw new TimeoutException("The nodes do not come to agree on who owns which slot.");
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    // There are no keys, so that owners may be told outright.
    private async Task TellAsync(LocalNode node, int[] owners)
    {
        using var connection = await node.ConnectAsync();
        var commands = owners.Select((owner, slot) => RespCommand.Of("CLUSTER", "SETSLOT", slot, "NODE", _cluster!.Node(owner).Id)).ToList();
        foreach (var part in commands.Chunk(2000))
            Assert(await connection.SendAsync(part, null, default));

        static void Assert(IReadOnlyList<RespValue> replies) => Xunit.Assert.DoesNotContain(replies, reply => reply.IsError);
    }

    private async Task<bool> AgreesAsync(int[] owners)
    {
        foreach (var node in _cluster!.Masters)
        {
            var view = await TestCluster.ViewOfAsync(node);
            if (view.Any(line => !line.Slots.Slots.SequenceEqual(Enumerable.Range(0, HashSlot.Count).Where(slot => _cluster.Node(owners[slot]).Id == line.Id))))
                return false;
        }

        return true;
    }

    // Each master as often as it has slots, spread over all of them.
    private static int[] Crumbs(int[] counts)
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
