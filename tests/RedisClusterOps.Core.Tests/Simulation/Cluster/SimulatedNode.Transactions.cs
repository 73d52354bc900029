using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The state of one connection on the server.</summary>
internal sealed class ConnectionState
{
    public int Database { get; set; }

    public bool Asking { get; set; }

    /// <summary>CLIENT SETNAME.</summary>
    public string Name { get; set; } = string.Empty;

    public bool IsClosed { get; set; }

    /// <summary>The number of the connection on its node; 0 until it has a name.</summary>
    public int Number { get; set; }

    /// <summary>Commands since MULTI; null outside a transaction.</summary>
    public List<RespCommand>? Queued { get; set; }

    public bool QueueIsBad { get; set; }

    public Dictionary<string, StoredValue?> Watched { get; } = new(StringComparer.Ordinal);
}

/// <summary>Transactions (src/multi.c).</summary>
internal sealed partial class SimulatedNode
{
    private static RespValue Begin(ConnectionState connection)
    {
        connection.Queued = [];
        connection.QueueIsBad = false;
        return Ok;
    }

    private static RespValue Unwatch(ConnectionState connection)
    {
        connection.Watched.Clear();
        return Ok;
    }

    private static RespValue Discard(ConnectionState connection)
    {
        connection.Queued = null;
        return Unwatch(connection);
    }

    private RespValue Execute(ConnectionState connection, bool asking)
    {
        var commands = connection.Queued!;
        var changed = connection.Watched.Any(pair =>
            !Equals(Keys.Get(connection.Database, SlotMap.PartOf(SlotMap.Bytes(pair.Key)), pair.Key), pair.Value));
        connection.Queued = null;
        connection.Watched.Clear();
        if (connection.QueueIsBad)
            return RespValue.Error("EXECABORT Transaction discarded because of previous errors.");
        // The node may have lost a slot meanwhile.
        var redirects = commands.Select(command => new Call(command, connection)).Where(call => call.Word(0) != "CLUSTER")
            .Select(call => Redirection(call, call.Word(0), asking));
        if (redirects.FirstOrDefault(redirect => redirect is not null) is { } redirect)
            return redirect;
        return changed ? RespValue.Null : RespValue.Array([.. commands.Select(command => DoAsking(command, connection, asking))]);
    }

    private RespValue DoAsking(RespCommand command, ConnectionState connection, bool asking)
    {
        connection.Asking = asking;
        return Do(command, connection);
    }
}
