using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>One connection to exactly one node: it follows no redirect and never reconnects by itself.</summary>
internal interface INodeConnection : IDisposable
{
    /// <summary>The address that was dialled.</summary>
    NodeEndpoint Endpoint { get; }

    /// <summary>False once a send failed, timed out or was cancelled: what was under way then has an unknown outcome, and nothing more can be sent.</summary>
    bool IsUsable { get; }

    /// <summary>Sends the commands in one go and returns one reply for each, error replies included.</summary>
    /// <param name="commands">At least one command.</param>
    /// <param name="timeout">How long all the replies together may take; null for the connection's own command timeout.</param>
    /// <param name="cancellation">Closes the connection when signalled, so that a read that hangs ends at once.</param>
    /// <exception cref="RedisConnectionException">The connection was lost, timed out, or is not usable any more.</exception>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation);
}

/// <summary>Makes connections. The one place to put another client, or a simulated cluster.</summary>
internal interface INodeConnector
{
    /// <summary>The time that goes with these connections.</summary>
    IClock Clock { get; }

    /// <summary>Connects, authenticates and names the connection.</summary>
    /// <exception cref="RedisOperationException">ConnectionFailed or AuthenticationFailed, naming the endpoint and why.</exception>
    Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation);
}
