using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A connection to one node. Each request and reply takes time, during which other events run.</summary>
internal sealed class SimulatedConnection(SimulatedCluster cluster, SimulatedNode node) : INodeConnection
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(0.1);

    private readonly ConnectionState _state = new();
    private bool _broken;

    public NodeEndpoint Endpoint { get; } = node.Endpoint;

    public bool IsUsable => !_broken;

    public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        if (_broken)
            return Lost(outcomeUnknown: false);
        cluster.Clock.Pass(TimeSpan.FromMilliseconds(0.1) + cluster.Random(0.3));
        if (!node.IsUp || node.IsHiddenFromUs || cluster.At(Endpoint) != node)
            return Lost(outcomeUnknown: true);
        var replies = new RespValue[commands.Count];
        for (var i = 0; i < replies.Length; i++)
        {
            for (var until = cluster.Clock.Now + timeout; node.Delays(commands[i], _state); cluster.Clock.Pass(Tick))
            {
                if (cluster.Clock.Now >= until)
                    return Lost(outcomeUnknown: true);
            }

            cluster.Writes += WritingCommand.Is(commands[i]) ? 1 : 0;
            replies[i] = node.RefusesUsWith is { } refusal ? RespValue.Error(refusal) : node.Do(commands[i], _state);
            if (cluster.Trace is not null)
                cluster.Note(node + "> " + commands[i] + "  ->  " + replies[i]);
        }

        cluster.Clock.Pass(TimeSpan.FromMilliseconds(0.1) + cluster.Random(0.3));
        return Task.FromResult<IReadOnlyList<RespValue>>(replies);
    }

    public void Dispose() => _broken = _state.IsClosed = true;

    private Task<IReadOnlyList<RespValue>> Lost(bool outcomeUnknown)
    {
        _broken = _state.IsClosed = true;
        return Task.FromException<IReadOnlyList<RespValue>>(new RedisConnectionException(
            FailureCode.ConnectionFailed, Endpoint, "The connection to " + Endpoint + " was lost.", outcomeUnknown));
    }
}

/// <summary>Distinguishes commands that write from those that read.</summary>
internal static class WritingCommand
{
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase) { "MIGRATE", "DEL", "EXEC", "RESTORE", "SET" };
    private static readonly HashSet<string> OfCluster = new(
        StringComparer.OrdinalIgnoreCase)
    {
        "SETSLOT", "BUMPEPOCH", "ADDSLOTS", "ADDSLOTSRANGE", "DELSLOTS", "DELSLOTSRANGE", "FORGET", "MEET", "RESET", "FAILOVER",
    };

    public static bool Is(RespCommand command)
    {
        // A fast path for frequent commands such as CLUSTER COUNTKEYSINSLOT, NODES and INFO.
        if (command.Arguments.Count > 1 && command.Arguments[0].Length == 7
            && command.Arguments[1] is [(byte)'C' or (byte)'N' or (byte)'I' or (byte)'G' or (byte)'M', ..])
        {
            return false;
        }

        var first = SlotMap.Name(command.Arguments[0]);
        var second = command.Arguments.Count > 1 && first is "CLUSTER" or "CONFIG" ? SlotMap.Name(command.Arguments[1]) : string.Empty;
        return first switch
        {
            "CLUSTER" => OfCluster.Contains(second),
            "CONFIG" => Words.Contains(second),
            _ => Words.Contains(first),
        };
    }
}
