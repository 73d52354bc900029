using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>A connection to exactly one node. It follows no redirect and does not reconnect.</summary>
internal interface INodeConnection : IDisposable
{
    /// <summary>The address that was dialled.</summary>
    NodeEndpoint Endpoint { get; }

    /// <summary>False after a send failed, timed out or was cancelled. Its outcome is unknown, and no further send is possible.</summary>
    bool IsUsable { get; }

    /// <summary>Sends the commands as one pipelined batch and returns one reply for each, error replies included.</summary>
    /// <param name="commands">At least one command.</param>
    /// <param name="timeout">The time limit for all replies together; null for the connection's own command timeout.</param>
    /// <param name="cancellation">Closes the connection when signalled, which ends a blocked read immediately.</param>
    /// <exception cref="RedisConnectionException">The connection was lost, timed out, or is no longer usable.</exception>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation);
}

/// <summary>Makes connections. Another client, or a simulated cluster, can be substituted here.</summary>
internal interface INodeConnector
{
    /// <summary>The clock to use with these connections.</summary>
    IClock Clock { get; }

    /// <summary>Connects, authenticates and names the connection.</summary>
    /// <exception cref="RedisOperationException">ConnectionFailed or AuthenticationFailed, with the endpoint and the reason.</exception>
    Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation);
}

/// <summary>The clock of an operation. The connector supplies it, because a simulated cluster has its own time.</summary>
internal interface IClock
{
    /// <summary>Time elapsed since a fixed moment. It never decreases.</summary>
    TimeSpan Now { get; }

    /// <summary>The time of day in UTC, for data that outlives the process. It may be set back.</summary>
    DateTime UtcNow { get; }

    Task PauseAsync(TimeSpan pause, CancellationToken cancellation);
}

/// <summary>The clock of this machine.</summary>
internal sealed class SystemClock : IClock
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    private SystemClock()
    {
    }

    public static SystemClock Instance { get; } = new();

    public TimeSpan Now => _watch.Elapsed;

    public DateTime UtcNow => DateTime.UtcNow;

    public Task PauseAsync(TimeSpan pause, CancellationToken cancellation) => Task.Delay(pause, cancellation);
}
