using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// The minimum that moves slots: every step is pipelined over all slots, all sources work concurrently, and nothing is checked or waited
/// for. It would lose keys in any disturbance. It shows what the servers are capable of.
/// </summary>
internal static class BareScript
{
    public static Contestant Move(string name, int batch = 1000) =>
        Contestant.On(name, Side.Reference, (cluster, cancellation) => RunAsync(cluster, batch, cancellation));

    private static async Task RunAsync(BenchCluster cluster, int batch, CancellationToken cancellation)
    {
        var (transfers, to) = (cluster.Transfers, cluster.Transfers[0].Target);
        using var target = await cluster.ConnectAsync(to, cancellation);
        var sources = await Task.WhenAll(transfers.Select(transfer => cluster.ConnectAsync(transfer.Source, cancellation)));
        try
        {
            var importing = transfers.SelectMany(transfer => transfer.Each.Select(slot => SetSlot(slot, "IMPORTING", transfer.Source.Id)));
            await target.PipelineAsync([.. importing], cancellation);
            await OnEachSource((transfer, source) => SetEachAsync(source, transfer, "MIGRATING"));
            await OnEachSource((transfer, source) => MoveKeysAsync(source, cluster.AddressOf(to), transfer, batch, cancellation));
            var assigned = transfers.SelectMany(transfer => transfer.Each).Select(slot => SetSlot(slot, "NODE", to.Id));
            await target.PipelineAsync([.. assigned], cancellation);
            await OnEachSource((transfer, source) => SetEachAsync(source, transfer, "NODE"));
        }
        finally
        {
            foreach (var source in sources)
                source.Dispose();
        }

        Task OnEachSource(Func<SlotTransfer, INodeConnection, Task> step) => Task.WhenAll(transfers.Zip(sources, step));

        Task SetEachAsync(INodeConnection node, SlotTransfer transfer, string action) =>
            node.PipelineAsync([.. transfer.Each.Select(slot => SetSlot(slot, action, to.Id))], cancellation);
    }

    private static async Task MoveKeysAsync(
        INodeConnection source, NodeEndpoint target, SlotTransfer transfer, int batch, CancellationToken cancellation)
    {
        for (var slots = transfer.Each.ToList(); slots.Count > 0;)
        {
            var listing = slots.Select(slot => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", slot, batch));
            var keys = await source.PipelineAsync([.. listing], cancellation);
            var moves = keys.Where(names => names.Items.Count > 0).Select(names => Migrate(target, names.Items));
            await source.PipelineAsync([.. moves], cancellation);
            slots = [.. slots.Zip(keys).Where(pair => pair.Second.Items.Count == batch).Select(pair => pair.First)];
        }
    }

    private static RespCommand Migrate(NodeEndpoint target, IReadOnlyList<RespValue> names) =>
        RespCommand.Of(["MIGRATE", target.Host, target.Port, "", 0, 60_000, "KEYS", .. names.Select(name => name.Bytes)]);

    private static RespCommand SetSlot(int slot, string action, string id) => RespCommand.Of("CLUSTER", "SETSLOT", slot, action, id);
}
