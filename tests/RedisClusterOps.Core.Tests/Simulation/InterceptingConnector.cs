using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Alters what goes to and comes from the nodes: seen from outside, the same as a core that forgot one of the laws.</summary>
/// <param name="alter">Gets a send, and a way to carry out any send on any node; gives the replies that the core gets to see.</param>
internal sealed class LyingConnector(INodeConnector inner, Func<Sending, Task<IReadOnlyList<RespValue>>> alter) : INodeConnector
{
    public IClock Clock => inner.Clock;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        new Connection(this, await inner.ConnectAsync(endpoint, cancellation));

    private Task<IReadOnlyList<RespValue>> SendAsync(INodeConnection connection, IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
        alter(new Sending(inner, connection, commands, timeout, cancellation));

    private sealed class Connection(LyingConnector liar, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
            liar.SendAsync(inner, commands, timeout, cancellation);

        public void Dispose() => inner.Dispose();
    }
}

/// <summary>One send on its way.</summary>
internal sealed record Sending(INodeConnector Connector, INodeConnection Connection, IReadOnlyList<RespCommand> Commands, TimeSpan? Timeout, CancellationToken Cancellation)
{
    public NodeEndpoint Endpoint => Connection.Endpoint;

    public Task<IReadOnlyList<RespValue>> GoOnAsync(IReadOnlyList<RespCommand>? instead = null) => Connection.SendAsync(instead ?? Commands, Timeout, Cancellation);

    /// <summary>The send with some replies changed.</summary>
    public async Task<IReadOnlyList<RespValue>> ChangingAsync(Func<RespCommand, RespValue, RespValue> change, IReadOnlyList<RespCommand>? instead = null)
    {
        var replies = await GoOnAsync(instead);
        return [.. replies.Select((reply, i) => change(Commands[i], reply))];
    }

    /// <summary>Each command as it was, or another in its place.</summary>
    public Task<IReadOnlyList<RespValue>> ReplacingAsync(Func<RespCommand, RespCommand> replace) => GoOnAsync([.. Commands.Select(replace)]);

    /// <summary>These commands on another node.</summary>
    public async Task ElsewhereAsync(NodeEndpoint endpoint, params RespCommand[] commands)
    {
        using var connection = await Connector.ConnectAsync(endpoint, Cancellation);
        await connection.SendAsync(commands, null, Cancellation);
    }

    public static bool Is(RespCommand command, string start) => Text(command).StartsWith(start, StringComparison.Ordinal);

    /// <summary>The words of a command, with a key's bytes one to a character.</summary>
    public static string Text(RespCommand command) => string.Join(' ', command.Arguments.Select(SlotMap.Name));
}
