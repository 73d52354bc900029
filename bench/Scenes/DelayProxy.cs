using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// Stands before a node, which announces it as its own address, and puts a distance between the node and its clients. The other nodes come
/// here too when they are told to MIGRATE; they begin with SELECT, which no client of a cluster does, and are let through at once.
/// </summary>
internal sealed class DelayProxy : IAsyncDisposable
{
    private static readonly byte[] NodesFirstWord = Encoding.ASCII.GetBytes("*2\r\n$6\r\nSELECT\r\n");

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly TimeSpan _roundTrip;
    private readonly Task _accepting;

    public DelayProxy(TimeSpan roundTrip)
    {
        _roundTrip = roundTrip;
        _listener.Start();
        Endpoint = new NodeEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        _accepting = AcceptAsync();
    }

    public NodeEndpoint Endpoint { get; }

    /// <summary>Where the node itself listens: known only after it was told what to announce.</summary>
    public NodeEndpoint Node { get; set; }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_ended.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The row is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var caller = client;
        using var server = new TcpClient { NoDelay = true };
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        try
        {
            caller.NoDelay = true;
            await server.ConnectAsync(Node.Host, Node.Port, connection.Token);
            // The whole round trip on the way there: for the one who waits for replies it is the same.
            var asking = LateAsync(caller.GetStream(), server.GetStream(), connection.Token);
            var answering = server.GetStream().CopyToAsync(caller.GetStream(), connection.Token);
            await Task.WhenAny(asking, answering);
            await connection.CancelAsync();
            await Task.WhenAll(asking, answering);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Either side hung up.
        }
    }

    private async Task LateAsync(Stream from, Stream to, CancellationToken cancellation)
    {
        var underway = Channel.CreateUnbounded<(long Due, byte[] Bytes)>();
        var reading = ReadAsync();
        await foreach (var (due, bytes) in underway.Reader.ReadAllAsync(cancellation))
        {
            while (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) is { Ticks: > 0 } left)
                await WaitAsync(left);
            await to.WriteAsync(bytes, cancellation);
        }

        await reading;

        async Task ReadAsync()
        {
            var buffer = new byte[64 * 1024];
            long? delay = null;
            try
            {
                while (await from.ReadAsync(buffer, cancellation) is > 0 and var read)
                {
                    delay ??= buffer.AsSpan(0, read).StartsWith(NodesFirstWord) ? 0 : (long)(_roundTrip.TotalSeconds * Stopwatch.Frequency);
                    underway.Writer.TryWrite((Stopwatch.GetTimestamp() + delay.Value, buffer[..read]));
                }
            }
            finally
            {
                underway.Writer.Complete();
            }
        }
    }

    // Timers are a millisecond late; the rest is given away in turns.
    private static async Task WaitAsync(TimeSpan left)
    {
        if (left.TotalMilliseconds > 2)
            await Task.Delay((int)left.TotalMilliseconds - 1);
        else
            await Task.Yield();
    }
}
