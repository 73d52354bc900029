using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>A server on loopback that runs the test's script for each connection.</summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _commands = new();
    private readonly ConcurrentQueue<Socket> _accepted = new();
    private readonly Task _accepting;

    private FakeNode(Func<FakeSession, Task> script, Func<Stream, Task<Stream>> wrap)
    {
        _listener.Start();
        _accepting = AcceptAsync(script, wrap);
    }

    public NodeEndpoint Endpoint => new("127.0.0.1", ((IPEndPoint)_listener.LocalEndpoint).Port);

    /// <summary>All commands received, with arguments joined by spaces.</summary>
    public IReadOnlyList<string> Commands => [.. _commands];

    /// <summary>The number of connections accepted.</summary>
    public int Connections => _accepted.Count;

    public static FakeNode Running(Func<FakeSession, Task> script) => new(script, Task.FromResult);

    /// <summary>Answers the first command with OK, then runs the script.</summary>
    public static FakeNode AfterLogin(Func<FakeSession, Task> script) => Running(async session =>
    {
        await session.AnswerAsync(_ => "+OK\r\n");
        await script(session);
    });

    /// <summary>Answers every command with the result of the function, until the client disconnects.</summary>
    public static FakeNode Answering(Func<string, string> answer) => Running(session => session.AnswerAllAsync(answer));

    public static FakeNode WithTls(
        X509Certificate2 certificate, Func<string, string> answer, RemoteCertificateValidationCallback? checkClient = null) =>
        new(
            session => session.AnswerAllAsync(answer),
            async plain =>
            {
                var tls = new SslStream(plain, false, checkClient);
                await tls.AuthenticateAsServerAsync(certificate, checkClient is not null, false);
                return tls;
            });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        foreach (var socket in _accepted)
            socket.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync(Func<FakeSession, Task> script, Func<Stream, Task<Stream>> wrap)
    {
        var sessions = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                _accepted.Enqueue(socket);
                sessions.Add(RunAsync(socket, script, wrap));
            }
        }
        catch (Exception stopped) when (
            stopped is OperationCanceledException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            await Task.WhenAll(sessions);
        }
    }

    private async Task RunAsync(Socket socket, Func<FakeSession, Task> script, Func<Stream, Task<Stream>> wrap)
    {
        using var closed = socket;
        try
        {
            await using var stream = await wrap(new NetworkStream(socket, ownsSocket: true));
            await script(new FakeSession(stream, _commands.Enqueue, _stop.Token));
        }
        catch (Exception ended) when (
            ended is IOException or ObjectDisposedException or OperationCanceledException or AuthenticationException)
        {
            // The client disconnected, or the test has ended.
        }
    }
}

/// <summary>The server's side of one connection.</summary>
internal sealed class FakeSession(Stream stream, Action<string> record, CancellationToken stop)
{
    private readonly RespReader _reader = new(stream, new RespLimits());

    /// <summary>Waits for the next command.</summary>
    public async Task<string> ReceiveAsync()
    {
        var command = await _reader.ReadAsync(stop);
        var text = string.Join(' ', command.Items.Select(argument => argument.Text));
        record(text);
        return text;
    }

    public Task SendAsync(string raw) => SendAsync(Encoding.Latin1.GetBytes(raw));

    public async Task SendAsync(byte[] raw)
    {
        await stream.WriteAsync(raw, stop);
        await stream.FlushAsync(stop);
    }

    public async Task AnswerAsync(Func<string, string> answer) => await SendAsync(answer(await ReceiveAsync()));

    public async Task AnswerAllAsync(Func<string, string> answer)
    {
        while (true)
            await AnswerAsync(answer);
    }

    /// <summary>Sends nothing more but keeps the connection open.</summary>
    public Task StallAsync() => Task.Delay(Timeout.Infinite, stop);
}
