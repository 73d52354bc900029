using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;

namespace RedisClusterOps.Migration.Slot;

/// <summary>The proof at the end: every node that answers, replicas included, names the same owner, and no master has the slot open.</summary>
internal sealed class Agreement(ClusterReader reader)
{
    // Redis and Valkey tell each other in milliseconds, Garnet's gossip takes some seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Polls until all agree.</summary>
    /// <returns>What still disagrees when patience ran out, a line each; empty where all agree.</returns>
    public async Task<IReadOnlyList<string>> AwaitAsync(ClusterView view, int slot, ClusterNode owner, StopRequest stop)
    {
        var started = stop.Clock.Now;
        var pause = TimeSpan.FromMilliseconds(10);
        while (true)
        {
            var complaints = await FanOut.AllAsync(view.Nodes.Where(node => node.IsReachable), node => ComplaintAsync(node, slot, owner, stop), stop.Abort).ConfigureAwait(false);
            var open = complaints.Where(complaint => complaint is not null).Select(complaint => complaint!).ToList();
            if (open.Count == 0 || stop.Clock.Now - started > Patience)
                return open;
            await stop.PauseAsync(pause).ConfigureAwait(false);
            pause = TimeSpan.FromMilliseconds(Math.Min(500, pause.TotalMilliseconds * 2));
        }
    }

    private async Task<string?> ComplaintAsync(ClusterNode node, int slot, ClusterNode owner, StopRequest stop)
    {
        NodeView now;
        try
        {
            now = await reader.ReadNodeAsync(node, stop.Abort).ConfigureAwait(false);
        }
        catch (RedisOperationException failure)
        {
            return node.Name + " could not be asked: " + failure.Message;
        }

        var believed = now.OwnerOf(slot);
        if (believed != owner.Id)
            return node.Name + " takes " + (believed is null ? "nobody" : now.Line(believed)?.Endpoint?.ToString() ?? believed) + " for the owner";
        var open = now.Self.IsMaster && (now.Self.MigratingTo.ContainsKey(slot) || now.Self.ImportingFrom.ContainsKey(slot));
        return open ? node.Name + " still has slot " + slot.ToString(CultureInfo.InvariantCulture) + " open" : null;
    }
}
