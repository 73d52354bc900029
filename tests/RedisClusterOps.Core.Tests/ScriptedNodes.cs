using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests;

/// <summary>Nodes in memory that answer by a script, and a count of what was asked of them.</summary>
internal sealed class ScriptedNodes : INodeConnector
{
    private readonly Dictionary<NodeEndpoint, Func<RespCommand, RespValue>> _nodes = [];
    private readonly Dictionary<NodeEndpoint, RedisOperationException> _refusals = [];
    private readonly List<NodeEndpoint> _dialled = [];
    private readonly List<string> _asked = [];
    private int _underWay;

    /// <summary>Every address to which a connection was tried, in order.</summary>
    public IReadOnlyList<string> Dialled
    {
        get
        {
            lock (_dialled)
                return [.. _dialled.Select(endpoint => endpoint.ToString())];
        }
    }

    /// <summary>Every command that came, with its node, in order.</summary>
    public IReadOnlyList<string> Asked
    {
        get
        {
            lock (_asked)
                return [.. _asked];
        }
    }

    /// <summary>The most connections that were being made or asked at one time.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>Starts the count of <see cref="MostAtOnce"/> again.</summary>
    public void Reset()
    {
        lock (_dialled)
            MostAtOnce = 0;
    }

    public IClock Clock { get; set; } = SystemClock.Instance;

    public TimeSpan Slowness { get; set; }

    public ScriptedNodes Node(string endpoint, Func<RespCommand, RespValue> answer)
    {
        _nodes[Read(endpoint)] = answer;
        return this;
    }

    /// <summary>A node that knows these lines of CLUSTER NODES and little else.</summary>
    public ScriptedNodes Node(string endpoint, params string[] lines) => Node(endpoint, command => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(string.Join('\n', lines) + "\n"),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
        "INFO" => RespValue.Bulk(
            "# Server\r\nredis_version:7.0.15\r\ndb0:keys=3,expires=0,avg_ttl=0\r\nused_cpu_user:1.0\r\nused_cpu_sys:1.0\r\n"),
        "INFO cpu" => RespValue.Bulk("used_cpu_user:1.01\r\nused_cpu_sys:1.0\r\n"),
        "DBSIZE" => RespValue.Number(3),
        _ when command.ToString().StartsWith("CLUSTER COUNTKEYSINSLOT ", StringComparison.Ordinal) => RespValue.Number(0),
        _ => RespValue.Error("ERR unknown command " + command),
    });

    public ScriptedNodes Refuses(string endpoint, FailureCode code, string message)
    {
        _refusals[Read(endpoint)] = new RedisConnectionException(code, Read(endpoint), message, outcomeUnknown: false);
        return this;
    }

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
    {
        lock (_dialled)
            _dialled.Add(endpoint);
        await TakeTimeAsync(cancellation);
        if (_refusals.TryGetValue(endpoint, out var refusal))
            throw refusal;
        return _nodes.TryGetValue(endpoint, out var answer)
            ? new Connection(this, endpoint, answer)
            : throw new RedisConnectionException(
                FailureCode.ConnectionFailed,
                endpoint,
                "Can't connect to " + endpoint + ": connection refused.",
                outcomeUnknown: false);
    }

    private static NodeEndpoint Read(string text) =>
        NodeEndpoint.TryParse(text, out var endpoint) ? endpoint : throw new FormatException(text);

    private async Task TakeTimeAsync(CancellationToken cancellation)
    {
        lock (_dialled)
            MostAtOnce = Math.Max(MostAtOnce, ++_underWay);
        await Task.Delay(Slowness, cancellation);
        await Task.Yield();
        lock (_dialled)
            _underWay--;
    }

    private sealed class Connection(ScriptedNodes nodes, NodeEndpoint endpoint, Func<RespCommand, RespValue> answer) : INodeConnection
    {
        public NodeEndpoint Endpoint => endpoint;

        public bool IsUsable => true;

        public async Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            lock (nodes._asked)
                nodes._asked.AddRange(commands.Select(command => endpoint + " " + command));
            await nodes.TakeTimeAsync(cancellation);
            return [.. commands.Select(answer)];
        }

        public void Dispose()
        {
        }
    }
}
