using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>What happens to an operation at one of its sends.</summary>
public enum Mishap
{
    None,

    /// <summary>Our process dies; nothing of the send has left. It is also the death with the reply to the send before it in hand.</summary>
    DiesBeforeSending,

    /// <summary>Our process dies; the server carried it out, and we never learned so.</summary>
    DiesBeforeTheReply,

    /// <summary>The connection breaks before the server gets it.</summary>
    ConnectionBreaksBefore,

    /// <summary>The connection breaks after the server carried it out.</summary>
    ConnectionBreaksAfter,
}

/// <summary>Our process is gone: nothing in the core catches this.</summary>
internal sealed class ProcessDiedException : Exception;

/// <summary>Connections to which something happens at the n-th send, counted over all nodes.</summary>
/// <param name="at">Which send, from 1.</param>
/// <param name="event">What else happens in the cluster just before that send.</param>
internal sealed class MishapConnector(INodeConnector inner, int at, Mishap mishap, Action? @event = null) : INodeConnector
{
    private bool _dead;

    public IClock Clock => inner.Clock;

    /// <summary>How many sends there were so far.</summary>
    public int Sends { get; private set; }

    public bool Happened { get; private set; }

    /// <summary>Numbers of the sends that wrote something.</summary>
    public List<int> Writing { get; } = [];

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) => _dead
        ? throw new ProcessDiedException()
        : new Connection(this, await inner.ConnectAsync(endpoint, cancellation));

    private Task<IReadOnlyList<RespValue>> SendAsync(INodeConnection through, IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        if (_dead)
            throw new ProcessDiedException();
        Sends++;
        if (commands.Any(WritingCommand.Is))
            Writing.Add(Sends);
        if (Sends != at)
            return through.SendAsync(commands, timeout, cancellation);
        Happened = true;
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
            FailureCode.ConnectionFailed, connection.Endpoint, "The connection to " + connection.Endpoint + " was lost.", outcomeUnknown: true));
    }

    private sealed class Connection(MishapConnector process, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
            process.SendAsync(inner, commands, timeout, cancellation);

        public void Dispose() => inner.Dispose();
    }
}
