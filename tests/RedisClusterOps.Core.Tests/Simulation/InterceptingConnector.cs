using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Changes commands and replies. To the nodes this looks like a core that breaks one of the laws.</summary>
/// <param name="intercept">Receives each send and returns the replies for the core.</param>
internal sealed class InterceptingConnector(
    INodeConnector inner, Func<InterceptedSend, Task<IReadOnlyList<RespValue>>> intercept) : INodeConnector
{
    public IClock Clock => inner.Clock;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        new Connection(this, await inner.ConnectAsync(endpoint, cancellation));

    private Task<IReadOnlyList<RespValue>> SendAsync(
        INodeConnection connection, IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
        intercept(new InterceptedSend(inner, connection, commands, timeout, cancellation));

    private sealed class Connection(InterceptingConnector connector, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
            connector.SendAsync(inner, commands, timeout, cancellation);

        public void Dispose() => inner.Dispose();
    }
}

/// <summary>A send that was intercepted.</summary>
internal sealed record InterceptedSend(
    INodeConnector Connector,
    INodeConnection Connection,
    IReadOnlyList<RespCommand> Commands,
    TimeSpan? Timeout,
    CancellationToken Cancellation)
{
    public NodeEndpoint Endpoint => Connection.Endpoint;

    public Task<IReadOnlyList<RespValue>> ForwardAsync(IReadOnlyList<RespCommand>? instead = null) =>
        Connection.SendAsync(instead ?? Commands, Timeout, Cancellation);

    /// <summary>Forwards the send and changes some replies.</summary>
    public async Task<IReadOnlyList<RespValue>> ForwardWithRepliesAsync(
        Func<RespCommand, RespValue, RespValue> change, IReadOnlyList<RespCommand>? instead = null)
    {
        var replies = await ForwardAsync(instead);
        return [.. replies.Select((reply, i) => change(Commands[i], reply))];
    }

    /// <summary>Forwards the send with some commands replaced.</summary>
    public Task<IReadOnlyList<RespValue>> ForwardWithCommandsAsync(Func<RespCommand, RespCommand> replace) =>
        ForwardAsync([.. Commands.Select(replace)]);

    public static bool Is(RespCommand command, string start) => Text(command).StartsWith(start, StringComparison.Ordinal);

    /// <summary>The words of a command. Each byte of a key is one character.</summary>
    public static string Text(RespCommand command) => string.Join(' ', command.Arguments.Select(SlotMap.Name));
}
