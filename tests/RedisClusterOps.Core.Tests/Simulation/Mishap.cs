using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The fault at one send of an operation.</summary>
public enum Mishap
{
    None,

    /// <summary>Our process dies before the send. This includes a death after the reply to the send before.</summary>
    DiesBeforeSending,

    /// <summary>Our process dies. The server ran the commands, but the process received no reply.</summary>
    DiesBeforeTheReply,

    /// <summary>The connection breaks before the server receives the commands.</summary>
    ConnectionBreaksBefore,

    /// <summary>The connection breaks after the server ran the commands.</summary>
    ConnectionBreaksAfter,
}

/// <summary>Stands for the death of our process. The core does not catch it.</summary>
internal sealed class ProcessDiedException : Exception;

/// <summary>Connections with a fault at the n-th send, counted over all nodes.</summary>
/// <param name="at">The number of the send, from 1.</param>
/// <param name="event">Runs just before that send.</param>
internal sealed class MishapConnector(INodeConnector inner, int at, Mishap mishap, Action? @event = null) : INodeConnector
{
    private bool _dead;

    public IClock Clock => inner.Clock;

    /// <summary>The number of sends so far.</summary>
    public int Sends { get; private set; }



    /// <summary>The numbers of the sends with commands that write.</summary>
    public List<int> Writing { get; } = [];

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) => _dead
        ? throw new ProcessDiedException()
        : new Connection(this, await inner.ConnectAsync(endpoint, cancellation));

    private Task<IReadOnlyList<RespValue>> SendAsync(
        INodeConnection through, IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        if (_dead)
            throw new ProcessDiedException();
        Sends++;
        if (commands.Any(WritingCommand.Is))
            Writing.Add(Sends);
        if (Sends != at)
            return through.SendAsync(commands, timeout, cancellation);
        @event?.Invoke();
        _dead = mishap is Mishap.DiesBeforeSending or Mishap.DiesBeforeTheReply;
        if (mishap is Mishap.DiesBeforeSending)
            throw new ProcessDiedException();
        if (mishap is Mishap.ConnectionBreaksBefore)
            return Break(through);
        var replies = through.SendAsync(commands, timeout, cancellation);
        if (_dead)
            throw new ProcessDiedException();
        return mishap == Mishap.ConnectionBreaksAfter ? Break(through) : replies;
    }

    private static Task<IReadOnlyList<RespValue>> Break(INodeConnection connection)
    {
        connection.Dispose();
        return Task.FromException<IReadOnlyList<RespValue>>(new RedisConnectionException(
            FailureCode.ConnectionFailed, connection.Endpoint, "The connection to " + connection.Endpoint
                + " was lost.", outcomeUnknown: true));
    }

    private sealed class Connection(MishapConnector process, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
            process.SendAsync(inner, commands, timeout, cancellation);

        public void Dispose() => inner.Dispose();
    }
}
