using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>The keys of a scene.</summary>
internal static class Dataset
{
    private const int KeysPerSend = 20_000;
    public static readonly byte[] Value = Encoding.ASCII.GetBytes("0123456789abcdef0123456789abcdef");

    /// <summary>The name of the n-th key that <see cref="SpreadAsync"/> writes.</summary>
    public static byte[] Name(int n) => Encoding.ASCII.GetBytes("key:" + n.ToString("D12", CultureInfo.InvariantCulture));

    /// <summary>Keys over all slots, each written at its owner.</summary>
    public static async Task<long> SpreadAsync(Bed bed, int count, CancellationToken cancellation)
    {
        var owners = bed.OwnersBySlot();
        foreach (var numbers in Enumerable.Range(0, count).Chunk(KeysPerSend * bed.Scene.Owners))
        {
            var parts = numbers.Select(Name).GroupBy(name => owners[HashSlot.Of(name)]);
            await Task.WhenAll(parts.Select(part => WriteAsync(part.Key, part, cancellation)));
        }

        return count;
    }

    /// <summary>Keys of one slot, at the first master.</summary>
    public static async Task<long> OneSlotAsync(Bed bed, int slot, int count, CancellationToken cancellation)
    {
        foreach (var names in LabWedge.KeysOf(slot, count).Chunk(KeysPerSend))
            await WriteAsync(bed.Masters[0], names, cancellation);
        return count;
    }

    /// <summary>The first slots of every master are open towards the next master, with keys on both, as when a rebalance was cut off everywhere at once.</summary>
    public static async Task<long> OpenSlotsAsync(Bed bed, int slotsEach, int keysEach, int movedEach, CancellationToken cancellation)
    {
        var shares = LocalClusterOptions.SharesFor(bed.Scene.Masters, bed.Scene.Masters);
        for (var i = 0; i < bed.Masters.Count; i++)
        {
            var (source, target) = (bed.Masters[i], bed.Masters[(i + 1) % bed.Masters.Count]);
            var slots = Enumerable.Range(shares[i][0].First, slotsEach).ToList();
            var keys = slots.Select(slot => LabWedge.KeysOf(slot, keysEach)).ToList();
            await WriteAsync(source, keys.SelectMany(names => names), cancellation);
            await PipelineAsync(target, slots.Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "IMPORTING", source.Id)), cancellation);
            await PipelineAsync(source, slots.Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "MIGRATING", target.Id)), cancellation);
            await PipelineAsync(
                source,
                keys.Select(names => RespCommand.Of(["MIGRATE", target.Endpoint.Host, target.Endpoint.Port, "", 0, 20_000, "KEYS", .. names.Take(movedEach)])),
                cancellation);
        }

        return (long)bed.Masters.Count * slotsEach * keysEach;
    }

    private static Task WriteAsync(LocalNode node, IEnumerable<byte[]> names, CancellationToken cancellation) =>
        PipelineAsync(node, names.Select(name => RespCommand.Of("SET", name, Value)), cancellation);

    private static async Task PipelineAsync(LocalNode node, IEnumerable<RespCommand> commands, CancellationToken cancellation)
    {
        using var connection = await node.ConnectAsync(cancellation);
        await connection.PipelineAsync([.. commands], cancellation);
    }
}
