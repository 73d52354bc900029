using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// Simulates a distance between a node and its clients. The node announces the proxy's address as its own. Connections from other nodes,
/// for MIGRATE, also arrive here. They begin with SELECT, which a cluster client never sends, and are not delayed.
/// </summary>
/// <remarks>Uses threads, not tasks: a sleeping thread wakes up within 0.1 ms, a timer within 1–2 ms.</remarks>
internal sealed class DelayProxy : IDisposable
{
    private static readonly byte[] NodesFirstBytes = Encoding.ASCII.GetBytes("*2\r\n$6\r\nSELECT\r\n");

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<TcpClient> _sockets = [];
    private readonly TimeSpan _roundTrip;

    public DelayProxy(TimeSpan roundTrip)
    {
        _roundTrip = roundTrip;
        _listener.Start();
        Endpoint = new NodeEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        Start(Accept);
    }

    public NodeEndpoint Endpoint { get; }

    /// <summary>The address where the node listens. Set after the start, because the announced address is a setting of the node.</summary>
    public NodeEndpoint Node { get; set; }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var socket in _sockets)
            socket.Dispose();
    }

    private void Accept()
    {
        while (true)
        {
            var client = _listener.AcceptTcpClient();
            var server = new TcpClient();
            _sockets.Add(client);
            _sockets.Add(server);
            client.NoDelay = server.NoDelay = true;
            Start(() => Serve(client, server));
        }
    }

    private void Serve(TcpClient client, TcpClient server)
    {
        using var pending = new BlockingCollection<(long Due, byte[] Bytes)>();
        using var from = client.GetStream();
        try
        {
            server.Connect(Node.Host, Node.Port);
            using var to = server.GetStream();
            var sending = Start(() => SendWhenDue(pending, to));
            Start(() => Answer(to, from));
            // Requests are delayed by the whole round trip. For a client that waits for replies this is equivalent.
            long? delay = null;
            var buffer = new byte[64 * 1024];
            while (from.Read(buffer) is > 0 and var read)
            {
                delay ??= buffer.AsSpan(0, read).StartsWith(NodesFirstBytes) ? 0 : (long)(_roundTrip.TotalSeconds * Stopwatch.Frequency);
                pending.Add((Stopwatch.GetTimestamp() + delay.Value, buffer[..read]));
            }

            pending.CompleteAdding();
            sending.Join();
        }
        finally
        {
            pending.CompleteAdding();
            server.Dispose();
        }
    }

    private static void SendWhenDue(BlockingCollection<(long Due, byte[] Bytes)> pending, NetworkStream to)
    {
        foreach (var (due, bytes) in pending.GetConsumingEnumerable())
        {
            while (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) is { Ticks: > 0 } left)
            {
                if (left.TotalMilliseconds > 1)
                    Thread.Sleep((int)left.TotalMilliseconds);
                else
                    Thread.Yield();
            }

            to.Write(bytes);
        }
    }

    private static void Answer(NetworkStream server, NetworkStream client)
    {
        using (client)
            server.CopyTo(client);
    }

    private static Thread Start(Action work)
    {
        var thread = new Thread(() =>
        {
            try
            {
                work();
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // Either side closed the connection, or the row has ended.
            }
        })
        { IsBackground = true };
        thread.Start();
        return thread;
    }
}
