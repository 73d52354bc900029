using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>
/// A connection over a socket. Any failure, timeout or cancellation ends it, because later replies could not be matched to their commands.
/// </summary>
/// <remarks>
/// Concurrent sends run one after another. A read is ended by closing the socket: on .NET Framework, a read that has started ignores its
/// cancellation token.
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
    /// <param name="socket">A connected socket, which this connection then owns.</param>
    /// <param name="stream">The stream of the socket, or the TLS stream over it.</param>
    /// <param name="options">The command timeout and the limits on replies.</param>
    /// <param name="trace">Called with every command before it is sent.</param>
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
                throw new RedisConnectionException(FailureCode.ConnectionFailed, Endpoint, NotSentMessage(commands), outcomeUnknown: false);
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

            // Read while writing: a server stops reading commands when its replies are not consumed.
            var writing = _writer.WriteAsync(commands, limit.Token);
            IReadOnlyList<RespValue> replies;
            try
            {
                replies = await ReadAsync(commands.Count, limit.Token).ConfigureAwait(false);
            }
            catch
            {
                Close();
                await IgnoreFailure(writing).ConfigureAwait(false);
                throw;
            }

            await writing.ConfigureAwait(false);
            return replies;
        }
        catch (Exception failure)
        {
            Close();
            cancellation.ThrowIfCancellationRequested();
            if (failure is RedisOperationException { Code: FailureCode.ReplyTooLarge })
                throw TooLarge(commands, failure);
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

    // The node answered, so this is no lost connection. The rest of the reply can't be skipped, so the connection is closed.
    private RedisOperationException TooLarge(IReadOnlyList<RespCommand> commands, Exception failure) => new(
        FailureCode.ReplyTooLarge,
        Endpoint + " answered " + Named(commands) + ", but " + failure.Message
            + ". That is a limit of this module, not of the node, which is reachable.",
        Endpoint.ToString(),
        NextAction.Advise("ask for fewer elements at a time, or use redis-cli on " + Endpoint),
        failure);

    // Closing the socket ends a read or write in progress, on every runtime and with TLS.
    private void Close()
    {
        _closed = true;
        _socket.Dispose();
    }

    // The read has already failed. The exception of the write adds nothing, but it must be observed.
    private static Task IgnoreFailure(Task writing) =>
        writing.ContinueWith(
            ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private string NotSentMessage(IReadOnlyList<RespCommand> commands) =>
        "The connection to " + Endpoint + " is closed; " + Named(commands) + " was not sent.";

    private static string Named(IReadOnlyList<RespCommand> commands) =>
        Printable.Clean(commands[0].ToString(), 120) + (commands.Count > 1 ? " and " + (commands.Count - 1) + " more" : string.Empty);
}
