using System;
using System.Collections.Concurrent;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>A proxy for one node, like a NAT or a firewall, that breaks connections on request.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly ConcurrentDictionary<TcpClient, bool> _clients = [];
    private readonly NodeEndpoint _node;
    private readonly Task _accepting;
    private string? _cutAfter;
    private long _repliesLeft = long.MaxValue;
    private int _cuts;

    public TcpProxy(NodeEndpoint node)
    {
        _node = node;
        _listener.Start();
        Endpoint = new NodeEndpoint("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);
        _accepting = AcceptAsync();
    }

    public NodeEndpoint Endpoint { get; }

    /// <summary>The number of connections broken on request.</summary>
    public int Cuts => _cuts;

    /// <summary>Forwards the next request with this text, and closes the connection to the client before the reply.</summary>
    public void CutAfterRequest(string text) => Volatile.Write(ref _cutAfter, text);

    /// <summary>Closes the connection to the client, once, after this number of further reply bytes.</summary>
    public void CutAfterReplyBytes(long bytes) => Volatile.Write(ref _repliesLeft, bytes);

    /// <summary>Closes all connections to clients now.</summary>
    public void CutAll()
    {
        foreach (var client in _clients.Keys)
        {
            Interlocked.Increment(ref _cuts);
            client.Dispose();
        }
    }

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
            // The test has ended.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using var connection = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        try
        {
            client.NoDelay = true;
            _clients[client] = true;
            await server.ConnectAsync(_node.Host, _node.Port, connection.Token);
            var asking = PumpAsync(client.GetStream(), server.GetStream(), CutsAfterRequest, connection.Token);
            var answering = PumpAsync(server.GetStream(), client.GetStream(), CutsAfterReply, connection.Token);
            var first = await Task.WhenAny(asking, answering);
            var cut = first.IsCompletedSuccessfully && first.Result;
            // Closes the connection to the client at once. The node stays connected, so that it runs the request.
            client.Dispose();
            if (cut)
            {
                Interlocked.Increment(ref _cuts);
                await Task.Delay(TimeSpan.FromSeconds(2), _ended.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }

            await connection.CancelAsync();
            await Task.WhenAll(asking, answering);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two closed its connection.
        }
        finally
        {
            _clients.TryRemove(client, out _);
            client.Dispose();
        }
    }

    // Returns true if a cut ended it.
    private static async Task<bool> PumpAsync(Stream from, Stream to, Func<byte[], int, int> allowed, CancellationToken cancellation)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, cancellation) is > 0 and var read)
            {
                var pass = allowed(buffer, read);
                await to.WriteAsync(buffer.AsMemory(0, Math.Abs(pass)), cancellation);
                if (pass < 0 || (pass == 0 && read > 0))
                    return true;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two closed its connection.
        }

        return false;
    }

    // A negative result is the number of bytes to forward before the cut.
    private int CutsAfterRequest(byte[] bytes, int count) =>
        Volatile.Read(ref _cutAfter) is { } text && Encoding.Latin1.GetString(bytes, 0, count).Contains(text)
        && Interlocked.CompareExchange(ref _cutAfter, null, text) == text
            ? -count
            : count;

    private int CutsAfterReply(byte[] bytes, int count)
    {
        var before = Interlocked.Add(ref _repliesLeft, -count) + count;
        if (before > count || before < 0)
            return count;
        Volatile.Write(ref _repliesLeft, long.MaxValue);
        return (int)-before;
    }
}
