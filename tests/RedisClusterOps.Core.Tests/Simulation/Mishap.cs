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
internal sealed class MishapConnector : INodeConnector
{
    private readonly INodeConnector _through;
    private readonly int _at;
    private readonly Mishap _mishap;
    private readonly Action? _event;
    private bool _dead;

    /// <param name="at">The number of the send, from 1.</param>
    /// <param name="event">Runs just before that send.</param>
    public MishapConnector(INodeConnector inner, int at, Mishap mishap, Action? @event = null)
    {
        _through = new InterceptingConnector(inner, SendAsync);
        (_at, _mishap, _event) = (at, mishap, @event);
    }

    public IClock Clock => _through.Clock;

    /// <summary>The number of sends so far.</summary>
    public int Sends { get; private set; }

    /// <summary>The numbers of the sends with commands that write.</summary>
    public List<int> Writing { get; } = [];

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        _dead ? throw new ProcessDiedException() : await _through.ConnectAsync(endpoint, cancellation);

    private Task<IReadOnlyList<RespValue>> SendAsync(InterceptedSend sending)
    {
        if (_dead)
            throw new ProcessDiedException();
        Sends++;
        if (sending.Commands.Any(WritingCommand.Is))
            Writing.Add(Sends);
        if (Sends != _at)
            return sending.ForwardAsync();
        _event?.Invoke();
        _dead = _mishap is Mishap.DiesBeforeSending or Mishap.DiesBeforeTheReply;
        if (_mishap is Mishap.DiesBeforeSending)
            throw new ProcessDiedException();
        if (_mishap is Mishap.ConnectionBreaksBefore)
            return Break(sending.Connection);
        var replies = sending.ForwardAsync();
        if (_dead)
            throw new ProcessDiedException();
        return _mishap == Mishap.ConnectionBreaksAfter ? Break(sending.Connection) : replies;
    }

    private static Task<IReadOnlyList<RespValue>> Break(INodeConnection connection)
    {
        connection.Dispose();
        return Task.FromException<IReadOnlyList<RespValue>>(new RedisConnectionException(
            FailureCode.ConnectionFailed, connection.Endpoint, "The connection to " + connection.Endpoint
                + " was lost.", outcomeUnknown: true));
    }
}
