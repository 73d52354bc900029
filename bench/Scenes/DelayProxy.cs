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
/// Stands before a node, which announces it as its own address, and puts a distance between the node and its clients. The other nodes come
/// here too when they are told to MIGRATE; they begin with SELECT, which no client of a cluster does, and are let through at once.
/// </summary>
/// <remarks>Threads and not tasks: a sleeping thread wakes up within a tenth of a millisecond, a timer within one or two.</remarks>
internal sealed class DelayProxy : IDisposable
{
    private static readonly byte[] NodesFirstWord = Encoding.ASCII.GetBytes("*2\r\n$6\r\nSELECT\r\n");

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<TcpClient> _ends = [];
    private readonly TimeSpan _roundTrip;

    public DelayProxy(TimeSpan roundTrip)
    {
        _roundTrip = roundTrip;
        _listener.Start();
        Endpoint = new NodeEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        Start(Accept);
    }

    public NodeEndpoint Endpoint { get; }

    /// <summary>Where the node itself listens: known only after it was told what to announce.</summary>
    public NodeEndpoint Node { get; set; }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var end in _ends)
            end.Dispose();
    }

    private void Accept()
    {
        while (true)
        {
            var client = _listener.AcceptTcpClient();
            var server = new TcpClient();
            _ends.Add(client);
            _ends.Add(server);
            client.NoDelay = server.NoDelay = true;
            Start(() => Serve(client, server));
        }
    }

    private void Serve(TcpClient client, TcpClient server)
    {
        using var underway = new BlockingCollection<(long Due, byte[] Bytes)>();
        using var from = client.GetStream();
        try
        {
            server.Connect(Node.Host, Node.Port);
            using var to = server.GetStream();
            var sending = Start(() => SendWhenDue(underway, to));
            Start(() => Answer(to, from));
            // The whole round trip on the way there: for the one who waits for replies it is the same.
            long? delay = null;
            var buffer = new byte[64 * 1024];
            while (from.Read(buffer) is > 0 and var read)
            {
                delay ??= buffer.AsSpan(0, read).StartsWith(NodesFirstWord) ? 0 : (long)(_roundTrip.TotalSeconds * Stopwatch.Frequency);
                underway.Add((Stopwatch.GetTimestamp() + delay.Value, buffer[..read]));
            }

            underway.CompleteAdding();
            sending.Join();
        }
        finally
        {
            underway.CompleteAdding();
            server.Dispose();
        }
    }

    private static void SendWhenDue(BlockingCollection<(long Due, byte[] Bytes)> underway, NetworkStream to)
    {
        foreach (var (due, bytes) in underway.GetConsumingEnumerable())
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
                // Either side hung up, or the row is over.
            }
        })
        { IsBackground = true };
        thread.Start();
        return thread;
    }
}
