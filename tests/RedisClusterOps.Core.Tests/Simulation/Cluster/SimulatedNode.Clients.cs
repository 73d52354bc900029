using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The connections that have a name, so that one client sees another.</summary>
internal sealed partial class SimulatedNode
{
    private readonly List<ConnectionState> _named = [];

    private int _connections;

    private RespValue Client(Call call)
    {
        switch (call.Word(1))
        {
            case "SETNAME":
                call.Connection.Name = call.Text(2);
                if (call.Connection.Number == 0)
                {
                    call.Connection.Number = ++_connections;
                    _named.Add(call.Connection);
                }

                return Ok;
            case "GETNAME":
                return RespValue.Bulk(call.Connection.Name);
            case "ID":
                return RespValue.Number(call.Connection.Number);
            case "LIST":
                _named.RemoveAll(connection => connection.IsClosed);
                return RespValue.Bulk(string.Concat(_named.Select((connection, i) => string.Create(
                    CultureInfo.InvariantCulture, $"id={connection.Number} addr=10.9.9.9:{40000 + i} name={connection.Name}\n"))));
            default:
                return RespValue.Error("ERR unknown subcommand '" + call.Text(1) + "'. Try CLIENT HELP.");
        }
    }
}
