using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>
/// Writes new keys, each once, as fast as the servers accept them, on connections of its own. An acknowledged key that is missing
/// afterwards was lost, because no other client overwrites it.
/// </summary>
internal sealed class FreshKeys(TestCluster cluster, SlotSet slots)
{
    private const int Writers = 3;

    private readonly ConcurrentQueue<string> _acknowledged = [];

    public int Count => _acknowledged.Count;

    public async Task RunAsync(CancellationToken end) =>
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(writer, end))));

    public async Task UntilAsync(int more)
    {
        var enough = Count + more;
        for (var until = DateTime.UtcNow.AddSeconds(30); Count < enough && DateTime.UtcNow < until;)
            await Task.Delay(5);
        Assert.True(Count >= enough, "The cluster accepts no more writes.");
    }

    /// <summary>The acknowledged keys that are missing on their owners.</summary>
    public async Task<IReadOnlyList<string>> MissingAsync()
    {
        var view = new NodeView(default, await TestCluster.ViewOfAsync(cluster.Nodes.First(node => node.IsRunning)));
        var missing = new List<string>();
        foreach (var owned in _acknowledged.GroupBy(key => view.OwnerOf(HashSlot.Of(Encoding.ASCII.GetBytes(key)))!))
        {
            using var connection = await cluster.NodeOf(owned.Key).ConnectAsync();
            foreach (var part in owned.Chunk(1000))
            {
                var replies = await connection.SendAsync([.. part.Select(key => RespCommand.Of("EXISTS", key))], null, default);
                missing.AddRange(part.Where((_, i) => replies[i].IsError || replies[i].Integer != 1));
            }
        }

        return missing;
    }

    private async Task WriteAsync(int writer, CancellationToken end)
    {
        var client = cluster.Client();
        for (var number = 0; !end.IsCancellationRequested; number++)
        {
            var key = "fresh:" + writer + ":" + number.ToString(CultureInfo.InvariantCulture);
            var name = Encoding.ASCII.GetBytes(key);
            if (!slots.Contains(HashSlot.Of(name)))
                continue;
            try
            {
                if (await client.AskAsync(name, RespCommand.Of("SET", name, key), end) is { IsError: false })
                    _acknowledged.Enqueue(key);
            }
            catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
            {
                // The outcome is unknown, so the key does not count. The new client connects to another node.
                client.Dispose();
                client = cluster.Client();
            }
        }

        client.Dispose();
    }
}
