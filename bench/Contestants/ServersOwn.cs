using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>Slots moved by the servers themselves: the bare commands, and a look every millisecond until they say it is done.</summary>
internal static class ServersOwn
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    /// <summary>Valkey 9: asked of every source at once.</summary>
    public static Contestant MigrateSlots(string name) => Contestant.On(name, Side.Yardstick, (bed, cancellation) =>
        Task.WhenAll(bed.Shifts.Select(shift => MigrateSlotsAsync(bed, shift, cancellation))));

    /// <summary>Redis 8.4 and later: asked of the target, which takes one task at a time.</summary>
    public static Contestant Import(string name) => Contestant.On(name, Side.Yardstick, async (bed, cancellation) =>
    {
        using var target = await bed.ConnectAsync(bed.Shifts[0].Target, cancellation);
        foreach (var shift in bed.Shifts)
        {
            var id = (await target.SendAsync(RespCommand.Of("CLUSTER", "MIGRATION", "IMPORT", shift.Slots.First, shift.Slots.Last), cancellation)).Text;
            await WaitAsync(target, RespCommand.Of("CLUSTER", "MIGRATION", "STATUS", "ID", id), "completed", cancellation);
        }
    });

    private static async Task MigrateSlotsAsync(Bed bed, SlotShift shift, CancellationToken cancellation)
    {
        using var source = await bed.ConnectAsync(shift.Source, cancellation);
        await source.SendAsync(RespCommand.Of("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", shift.Slots.First, shift.Slots.Last, "NODE", shift.Target.Id), cancellation);
        await WaitAsync(source, RespCommand.Of("CLUSTER", "GETSLOTMIGRATIONS"), "success", cancellation);
    }

    private static async Task WaitAsync(INodeConnection node, RespCommand look, string done, CancellationToken cancellation)
    {
        while (true)
        {
            var states = (await node.SendAsync(look, cancellation)).Items.Select(task => Field(task.Items, "state")).ToList();
            if (states.FirstOrDefault(state => state is "failed" or "canceled" or "cancelled") is { } ended)
                throw new InvalidOperationException(node.Endpoint + " says " + ended + string.Create(CultureInfo.InvariantCulture, $" ({states.Count} tasks)."));
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
