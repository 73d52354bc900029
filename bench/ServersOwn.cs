using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>The bare commands of server-side migration, with a status query every millisecond until it is complete.</summary>
internal static class ServersOwn
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    /// <summary>Valkey 9: started on every source concurrently.</summary>
    public static Contestant MigrateSlots(string name) => Contestant.On(name, Side.Reference, (cluster, cancellation) =>
        Task.WhenAll(cluster.Transfers.Select(transfer => MigrateSlotsAsync(cluster, transfer, cancellation))));

    /// <summary>Redis 8.4 and later: started on the target, which runs one task at a time.</summary>
    public static Contestant Import(string name) => Contestant.On(name, Side.Reference, async (cluster, cancellation) =>
    {
        using var target = await cluster.ConnectAsync(cluster.Transfers[0].Target, cancellation);
        foreach (var transfer in cluster.Transfers)
        {
            var import = RespCommand.Of("CLUSTER", "MIGRATION", "IMPORT", transfer.Slots.First, transfer.Slots.Last);
            var id = (await target.SendAsync(import, cancellation)).Text;
            await WaitAsync(target, RespCommand.Of("CLUSTER", "MIGRATION", "STATUS", "ID", id), "completed", cancellation);
        }
    });

    private static async Task MigrateSlotsAsync(BenchCluster cluster, SlotTransfer transfer, CancellationToken cancellation)
    {
        using var source = await cluster.ConnectAsync(transfer.Source, cancellation);
        var (first, last) = (transfer.Slots.First, transfer.Slots.Last);
        var migrate = RespCommand.Of("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", first, last, "NODE", transfer.Target.Id);
        await source.SendAsync(migrate, cancellation);
        await WaitAsync(source, RespCommand.Of("CLUSTER", "GETSLOTMIGRATIONS"), "success", cancellation);
    }

    private static async Task WaitAsync(INodeConnection node, RespCommand query, string done, CancellationToken cancellation)
    {
        while (true)
        {
            var states = (await node.SendAsync(query, cancellation)).Items.Select(task => Field(task.Items, "state")).ToList();
            if (states.FirstOrDefault(state => state is "failed" or "canceled" or "cancelled") is { } ended)
            {
                var count = states.Count.ToString(CultureInfo.InvariantCulture);
                throw new InvalidOperationException(node.Endpoint + " reports the state " + ended + " (" + count + " tasks).");
            }

            if (states.Count > 0 && states.All(state => state == done))
                return;
            await Task.Delay(Pause, cancellation);
        }
    }

    private static string? Field(IReadOnlyList<RespValue> pairs, string name)
    {
        for (var i = 0; i + 1 < pairs.Count; i += 2)
        {
            if (pairs[i].Text == name)
                return pairs[i + 1].Text;
        }

        return null;
    }
}
