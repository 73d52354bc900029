using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>One command as MONITOR shows it.</summary>
/// <param name="Node">The node that ran it.</param>
/// <param name="Name">The name in lower case.</param>
/// <param name="Line">The server's line: <c>1700000000.123456 [0 127.0.0.1:5000] "set" "k" "v"</c>.</param>
internal sealed record MonitoredCommand(NodeEndpoint Node, string Name, string Line);

/// <summary>Records the commands of clients on every node.</summary>
/// <remarks>
/// MONITOR hides administrative commands, CLUSTER SETSLOT among them; <see cref="CommandCounts"/> counts those.
/// For plain TCP only. Garnet has no MONITOR.
/// </remarks>
internal sealed class MonitorTap : IAsyncDisposable
{
    private readonly ConcurrentQueue<MonitoredCommand> _seen = new();
    private readonly List<(TcpClient Client, Task Listening)> _taps = [];
    private readonly IReadOnlyList<LocalNode> _nodes;

    private MonitorTap(IReadOnlyList<LocalNode> nodes) => _nodes = nodes;

    public static async Task<MonitorTap> StartAsync(TestCluster cluster)
    {
        var tap = new MonitorTap(cluster.Nodes);
        foreach (var node in cluster.Nodes)
            await tap.ListenAsync(node.Endpoint, cluster.Connection);
        return tap;
    }

    /// <summary>All commands of clients so far, in the order of each node.</summary>
    public async Task<IReadOnlyList<MonitoredCommand>> SeenAsync()
    {
        var mark = Guid.NewGuid().ToString("N");
        foreach (var node in _nodes)
            await node.SendAsync("ECHO", mark);
        var until = DateTime.UtcNow.AddSeconds(10);
        while (_seen.Count(command => command.Line.Contains(mark)) < _nodes.Count)
        {
            if (DateTime.UtcNow > until)
                throw new TimeoutException("MONITOR did not show a command that was sent to every node.");
            await Task.Delay(10);
        }

        return [.. _seen.Where(command => command.Name != "echo")];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (client, listening) in _taps)
        {
            client.Dispose();
            await listening;
        }
    }

    private async Task ListenAsync(NodeEndpoint node, ConnectionOptions connection)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(node.Host, node.Port);
        var stream = client.GetStream();
        var reader = new StreamReader(stream, Encoding.Latin1);
        if (connection.Password is not null)
            await SendAsync(stream, reader, ["AUTH", .. connection.User is null ? [] : new[] { connection.User }, connection.Password]);
        await SendAsync(stream, reader, ["MONITOR"]);
        _taps.Add((client, Task.Run(() => ReadAllAsync(node, reader))));
    }

    private static async Task SendAsync(NetworkStream stream, StreamReader reader, string[] arguments)
    {
        var command = "*" + arguments.Length + "\r\n"
            + string.Concat(arguments.Select(a => "$" + Encoding.UTF8.GetByteCount(a) + "\r\n" + a + "\r\n"));
        await stream.WriteAsync(Encoding.UTF8.GetBytes(command));
        var reply = await reader.ReadLineAsync();
        if (reply != "+OK")
            throw new InvalidOperationException(arguments[0] + " was answered with " + reply);
    }

    private async Task ReadAllAsync(NodeEndpoint node, StreamReader reader)
    {
        try
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                // Everything before the command is in brackets, so the first quote begins its name.
                var from = line.IndexOf("] \"", StringComparison.Ordinal) + 3;
                var to = from < 3 ? -1 : line.IndexOf('"', from);
                if (to > 0)
                    _seen.Enqueue(new MonitoredCommand(node, line[from..to].ToLowerInvariant(), line));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The tap was closed or the node exited.
        }
    }
}
