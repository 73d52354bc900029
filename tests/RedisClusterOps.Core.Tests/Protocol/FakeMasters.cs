using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>More masters than a machine can run: loopback sockets that answer the commands of a check like an idle Redis 7.0.</summary>
internal sealed class FakeMasters : IAsyncDisposable
{
    private static readonly string[] CheckCommands = ["CLUSTER NODES", "CLUSTER INFO", "INFO", "INFO cpu", "DBSIZE"];

    private readonly string[] _views;

    /// <param name="holds">Awaited before a node (by its number) answers a command; null to answer immediately.</param>
    private FakeMasters(int count, Func<int, string, Task>? holds)
    {
        Nodes = [.. Enumerable.Range(0, count).Select(number => FakeNode.Running(session => ServeAsync(session, number, holds)))];
        var lines = Enumerable.Range(0, count).Select(number => Line(number, count)).ToList();
        _views = [.. lines.Select(own =>
            Bulk(string.Concat(lines.Select(line => (line == own ? line.Replace(" master", " myself,master") : line) + "\n"))))];
    }

    public IReadOnlyList<FakeNode> Nodes { get; }

    public static FakeMasters Running(int count, Func<int, string, Task>? holds = null) => new(count, holds);

    public static bool IsOfACheck(string command) => CheckCommands.Contains(command);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
    }

    private async Task ServeAsync(FakeSession session, int number, Func<int, string, Task>? holds)
    {
        while (true)
        {
            var command = await session.ReceiveAsync();
            if (holds is not null)
                await holds(number, command);
            await session.SendAsync(command.ToUpperInvariant() switch
            {
                "CLUSTER NODES" => _views[number],
                "CLUSTER INFO" => Bulk("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n"),
                "INFO" or "INFO CPU" => Bulk(
                    "redis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master\r\ncluster_enabled:1\r\nused_memory:1000000\r\n"
                    + "instantaneous_ops_per_sec:0\r\nused_cpu_sys:1.0\r\nused_cpu_user:1.0\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n"),
                "DBSIZE" => ":3\r\n",
                _ => "+OK\r\n",
            });
        }
    }

    private static string Bulk(string text) => "$" + text.Length.ToString(CultureInfo.InvariantCulture) + "\r\n" + text + "\r\n";

    private string Line(int number, int count)
    {
        var id = number.ToString("x8", CultureInfo.InvariantCulture).PadLeft(40, '0');
        var slots = new SlotRange(First(number, count), First(number + 1, count) - 1);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{id} {Nodes[number].Endpoint}@1 master - 0 1700000000000 {number + 1} connected {slots}");
    }

    private static int First(int number, int count) => number * HashSlot.Count / count;
}
