using System;
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

/// <summary>The keys of a scenario.</summary>
internal static class Dataset
{
    private const int KeysPerSend = 20_000;
    public static readonly byte[] Value = Encoding.ASCII.GetBytes("0123456789abcdef0123456789abcdef");

    /// <summary>The name of the n-th key that <see cref="SpreadAsync"/> writes.</summary>
    public static byte[] Name(int n) => Encoding.ASCII.GetBytes("key:" + n.ToString("D12", CultureInfo.InvariantCulture));

    /// <summary>Writes keys to all slots, each to its owner.</summary>
    public static async Task<long> SpreadAsync(BenchCluster cluster, int count, CancellationToken cancellation)
    {
        var owners = cluster.OwnersBySlot();
        foreach (var numbers in Enumerable.Range(0, count).Chunk(KeysPerSend * cluster.Scenario.Owners))
        {
            var parts = numbers.Select(Name).GroupBy(name => owners[HashSlot.Of(name)]);
            await Task.WhenAll(parts.Select(part => WriteAsync(part.Key, part, cancellation)));
        }

        return count;
    }

    /// <summary>Writes keys of one slot to the first master.</summary>
    public static async Task<long> OneSlotAsync(BenchCluster cluster, int slot, int count, CancellationToken cancellation)
    {
        foreach (var names in LabWedge.KeysOf(slot, count).Chunk(KeysPerSend))
            await WriteAsync(cluster.Masters[0], names, cancellation);
        return count;
    }

    /// <summary>
    /// Opens the first slots of some masters towards the next master, with keys on both, as after a rebalance that was killed.
    /// </summary>
    public static async Task<long> OpenSlotsAsync(
        BenchCluster cluster, int sources, int slotsEach, int keysEach, int movedEach, CancellationToken cancellation)
    {
        var shares = LocalClusterOptions.SharesFor(cluster.Scenario.Masters, cluster.Scenario.Masters);
        for (var i = 0; i < sources; i++)
        {
            var (source, target) = (cluster.Masters[i], cluster.Masters[(i + 1) % cluster.Masters.Count]);
            var slots = Enumerable.Range(shares[i][0].First, slotsEach).ToList();
            var keys = slots.Select(slot => LabWedge.KeysOf(slot, keysEach)).ToList();
            await WriteAsync(source, keys.SelectMany(names => names), cancellation);
            var importing = slots.Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "IMPORTING", source.Id));
            await PipelineAsync(target, importing, cancellation);
            var migrating = slots.Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "MIGRATING", target.Id));
            await PipelineAsync(source, migrating, cancellation);
            object[] migrate = ["MIGRATE", target.Endpoint.Host, target.Endpoint.Port, "", 0, 20_000, "KEYS"];
            await PipelineAsync(source, keys.Select(names => RespCommand.Of([.. migrate, .. names.Take(movedEach)])), cancellation);
        }

        return (long)sources * slotsEach * keysEach;
    }

    private static Task WriteAsync(LocalNode node, IEnumerable<byte[]> names, CancellationToken cancellation) =>
        PipelineAsync(node, names.Select(name => RespCommand.Of("SET", name, Value)), cancellation);

    private static async Task PipelineAsync(LocalNode node, IEnumerable<RespCommand> commands, CancellationToken cancellation)
    {
        using var connection = await node.ConnectAsync(cancellation);
        await connection.PipelineAsync([.. commands], cancellation);
    }
}

internal static class Pipeline
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    /// <summary>Sends all commands in one pipelined batch. Throws if a reply is an error.</summary>
    public static async Task<IReadOnlyList<RespValue>> PipelineAsync(
        this INodeConnection connection, IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        if (commands.Count == 0)
            return [];
        var replies = await connection.SendAsync(commands, Timeout, cancellation);
        for (var i = 0; i < replies.Count; i++)
            replies[i].OrThrow(connection.Endpoint, commands[i]);
        return replies;
    }
}
