using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// The least that moves slots: every step pipelined over all slots, the sources at once, and nothing asked, checked or waited for. It would lose
/// keys whenever anything else happened; it is here to show what the servers could do.
/// </summary>
internal static class BareScript
{
    public static Contestant Move(string name, int batch = 1000) => Contestant.On(name, Side.Yardstick, (bed, cancellation) => RunAsync(bed, batch, cancellation));

    private static async Task RunAsync(Bed bed, int batch, CancellationToken cancellation)
    {
        var (shifts, to) = (bed.Shifts, bed.Shifts[0].Target);
        using var target = await bed.ConnectAsync(to, cancellation);
        var sources = await Task.WhenAll(shifts.Select(shift => bed.ConnectAsync(shift.Source, cancellation)));
        try
        {
            await target.PipelineAsync([.. shifts.SelectMany(shift => shift.Each.Select(slot => SetSlot(slot, "IMPORTING", shift.Source.Id)))], cancellation);
            await OnEachSource((shift, source) => source.PipelineAsync([.. shift.Each.Select(slot => SetSlot(slot, "MIGRATING", to.Id))], cancellation));
            await OnEachSource((shift, source) => MoveKeysAsync(source, bed.DoorOf(to), shift, batch, cancellation));
            await target.PipelineAsync([.. shifts.SelectMany(shift => shift.Each).Select(slot => SetSlot(slot, "NODE", to.Id))], cancellation);
            await OnEachSource((shift, source) => source.PipelineAsync([.. shift.Each.Select(slot => SetSlot(slot, "NODE", to.Id))], cancellation));
        }
        finally
        {
            foreach (var source in sources)
                source.Dispose();
        }

        Task OnEachSource(System.Func<SlotShift, INodeConnection, Task> step) => Task.WhenAll(shifts.Zip(sources, step));
    }

    private static async Task MoveKeysAsync(INodeConnection source, NodeEndpoint target, SlotShift shift, int batch, CancellationToken cancellation)
    {
        for (var slots = shift.Each.ToList(); slots.Count > 0;)
        {
            var keys = await source.PipelineAsync([.. slots.Select(slot => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", slot, batch))], cancellation);
            await source.PipelineAsync([.. keys.Where(names => names.Items.Count > 0).Select(names => Migrate(target, names.Items))], cancellation);
            slots = [.. slots.Zip(keys).Where(pair => pair.Second.Items.Count == batch).Select(pair => pair.First)];
        }
    }

    private static RespCommand Migrate(NodeEndpoint target, IReadOnlyList<RespValue> names) =>
        RespCommand.Of(["MIGRATE", target.Host, target.Port, "", 0, 60_000, "KEYS", .. names.Select(name => name.Bytes)]);

    private static RespCommand SetSlot(int slot, string action, string id) => RespCommand.Of("CLUSTER", "SETSLOT", slot, action, id);
}
