using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>A connection over a socket. Any failure, timeout or cancellation ends it: replies could no longer be told apart.</summary>
/// <remarks>
/// Sends wait for one another. The socket is closed to end a read, because a read on .NET Framework minds no token once it has
/// begun.
/// </remarks>
internal sealed class NodeConnection : INodeConnection
{
    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly RespReader _reader;
    private readonly RespWriter _writer;
    private readonly TimeSpan _commandTimeout;
    private readonly Action<NodeEndpoint, RespCommand>? _trace;
    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private volatile bool _closed;

    /// <param name="endpoint">The address that was dialled.</param>
    /// <param name="socket">Connected; this connection owns it from here on.</param>
    /// <param name="stream">The bytes of the socket, through TLS where it is spoken.</param>
    /// <param name="options">Timeout and limits.</param>
    /// <param name="trace">Told of every command before it is sent.</param>
    public NodeConnection(
        NodeEndpoint endpoint, Socket socket, Stream stream, ConnectionOptions options, Action<NodeEndpoint, RespCommand>? trace)
    {
        Endpoint = endpoint;
        _socket = socket;
        _stream = stream;
        _reader = new RespReader(stream, options.Limits);
        _writer = new RespWriter(stream);
        _commandTimeout = options.CommandTimeout;
        _trace = trace;
    }

    public NodeEndpoint Endpoint { get; }

    public bool IsUsable => !_closed;

    public async Task<IReadOnlyList<RespValue>> SendAsync(
        IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        if (commands.Count == 0)
            throw new ArgumentException("There is nothing to send.", nameof(commands));
        await _oneAtATime.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_closed)
                throw new RedisConnectionException(FailureCode.ConnectionFailed, Endpoint, NothingSent(commands), outcomeUnknown: false);
            return await ExchangeAsync(commands, timeout ?? _commandTimeout, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose()
    {
        Close();
        _stream.Dispose();
    }

    private async Task<IReadOnlyList<RespValue>> ExchangeAsync(
        IReadOnlyList<RespCommand> commands, TimeSpan timeout, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var closing = limit.Token.Register(Close);
        limit.CancelAfter(timeout);
        try
        {
            foreach (var command in commands)
                _trace?.Invoke(Endpoint, command);

            // Reading begins before all is written: a server stops reading once nobody takes its replies.
            var writing = _writer.WriteAsync(commands, limit.Token);
            IReadOnlyList<RespValue> replies;
            try
            {
                replies = await ReadAsync(commands.Count, limit.Token).ConfigureAwait(false);
            }
            catch
            {
                Close();
                await Ended(writing).ConfigureAwait(false);
                throw;
            }

            await writing.ConfigureAwait(false);
            return replies;
        }
        catch (Exception failure)
        {
            Close();
            cancellation.ThrowIfCancellationRequested();
            var reason = limit.IsCancellationRequested ? ConnectionFailure.NoAnswerWithin(timeout) : ConnectionFailure.ReasonOf(failure);
            var code = (failure as RedisOperationException)?.Code ?? FailureCode.ConnectionFailed;
            throw new RedisConnectionException(
                code, Endpoint, Endpoint + " did not answer " + Named(commands) + ": " + reason + ".", outcomeUnknown: true, failure);
        }
    }

    private async Task<IReadOnlyList<RespValue>> ReadAsync(int count, CancellationToken cancellation)
    {
        var replies = new RespValue[count];
        for (var i = 0; i < count; i++)
            replies[i] = await _reader.ReadAsync(cancellation).ConfigureAwait(false);
        return replies;
    }

    // The socket alone: it ends a read or write that is under way, on every runtime and through TLS.
    private void Close()
    {
        _closed = true;
        _socket.Dispose();
    }

    // A write that failed beside a read that failed says nothing new, but its exception has to be looked at.
    private static Task Ended(Task writing) =>
        writing.ContinueWith(
            ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private string NothingSent(IReadOnlyList<RespCommand> commands) =>
        "The connection to " + Endpoint + " is closed; " + Named(commands) + " was not sent.";

    private static string Named(IReadOnlyList<RespCommand> commands) =>
        Printable.Clean(commands[0].ToString(), 120) + (commands.Count > 1 ? " and " + (commands.Count - 1) + " more" : string.Empty);
}
