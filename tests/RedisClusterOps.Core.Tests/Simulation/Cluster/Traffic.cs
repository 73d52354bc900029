using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>An application whose clients follow redirects, one hop at a time, while other events run.</summary>
internal sealed class Traffic
{
    private const int MostHops = 16;

    private readonly SimulatedCluster _cluster;
    private readonly List<(int Database, string Key)> _keys;
    private readonly TimeSpan _pause;

    public Traffic(SimulatedCluster cluster, int clients, TimeSpan pause)
    {
        _cluster = cluster;
        _pause = pause;
        var written = cluster.Ledger.Written;
        _keys = [.. written.Keys.Where(key => written[key].ExpiresAt is null && !key.Key.EndsWith("stray", StringComparison.Ordinal))];
        _keys.AddRange(Enumerable.Range(0, 3).Select(i => (0, SlotMap.KeyOf(SlotMap.Moving, "new" + i))));
        for (var client = 0; client < clients; client++)
            Later();
    }

    public bool IsSuspended { get; private set; }

    /// <summary>True if no client may meet a redirect loop: all nodes are up, and the slot did not start half-open.</summary>
    public bool ReportsRedirectLoops { get; set; }

    /// <summary>
    /// Stops all clients. On servers without replicated flags, a failover of an open slot hides the moved keys, and clients write them
    /// again. No tool can prevent that.
    /// </summary>
    public void Suspend() => IsSuspended = true;



    private void Later()
    {
        var pause = _cluster.Quiet ? TimeSpan.FromMilliseconds(200) : _pause * (0.2 + (1.6 * _cluster.Dice.NextDouble()));
        _cluster.Clock.After(pause, Ask);
    }

    private void Ask()
    {
        if (IsSuspended || _cluster.Quiet)
        {
            Later();
            return;
        }

        var (database, key) = _keys[_cluster.Dice.Next(_keys.Count)];
        var isNumber = key.Contains("count", StringComparison.Ordinal);
        var command = _cluster.Dice.Next(3) switch
        {
            0 => RespCommand.Of("GET", SlotMap.Bytes(key)),
            _ when isNumber => RespCommand.Of("INCR", SlotMap.Bytes(key)),
            _ => RespCommand.Of("SET", SlotMap.Bytes(key), "v" + _cluster.Dice.Next(1000).ToString(CultureInfo.InvariantCulture)),
        };
        Send(new Request(database, key, command), _cluster.Nodes[_cluster.Dice.Next(_cluster.Nodes.Count)], asking: false, 0);
    }

    private void Send(Request request, SimulatedNode? node, bool asking, int hops)
    {
        if (hops > MostHops || IsSuspended)
        {
            if (ReportsRedirectLoops && !IsSuspended && !_cluster.Quiet && _cluster.Nodes.All(each => each.IsUp))
                _cluster.Ledger.Violate("I2: a client that asked for " + request.Key + " met a redirect loop");
            Later();
            return;
        }

        if (node is not { IsUp: true })
        {
            Retry(request, hops);
            return;
        }

        var connection = new ConnectionState { Database = request.Database };
        if (asking)
            node.Do(RespCommand.Of("ASKING"), connection);
        var reply = node.Do(request.Command, connection);
        if (!reply.IsError)
        {
            Settle(request, reply, node);
            Later();
            return;
        }

        var words = reply.Text.Split(' ');
        if (words[0] is "MOVED" or "ASK" && NodeEndpoint.TryParse(words[2], out var endpoint))
            _cluster.Clock.After(_cluster.Random(0.3), () => Send(request, _cluster.At(endpoint), words[0] == "ASK", hops + 1));
        else
            Retry(request, hops);
    }

    private void Retry(Request request, int hops) =>
        _cluster.Clock.After(
            _cluster.Random(2), () => Send(request, _cluster.Nodes[_cluster.Dice.Next(_cluster.Nodes.Count)], asking: false, hops + 1));

    private void Settle(Request request, RespValue reply, SimulatedNode node)
    {
        if (_cluster.Trace is not null)
            _cluster.Note("    client: " + node + "> " + request.Command + "  ->  " + reply);
        var expected = _cluster.Ledger.Expected(request.Database, request.Key);
        switch (request.Command.Arguments[0].Length)
        {
            case 3 when request.Command.Arguments[0][0] == (byte)'G':
                if ((reply.IsNull ? null : reply.Text) != expected?.Text && !_cluster.Ledger.IsExcused(request.Key))
                {
                    _cluster.Ledger.Violate(
                        "I2: " + node + " returned " + (reply.IsNull ? "nothing" : reply.Text) + " for " + request.Key
                        + " instead of " + (expected?.Text ?? "nothing"));
                }

                break;
            case 4:
                var before = expected is null ? 0 : long.Parse(expected.Text, CultureInfo.InvariantCulture);
                if (reply.Integer != before + 1 && !_cluster.Ledger.IsExcused(request.Key))
                    _cluster.Ledger.Violate("I2: " + node + " counted " + request.Key + " up to " + reply.Integer + " from " + before);
                _cluster.Ledger.Acknowledged(request.Database, request.Key, new StoredValue(reply.Text));
                break;
            default:
                _cluster.Ledger.Acknowledged(request.Database, request.Key, new StoredValue(SlotMap.Name(request.Command.Arguments[2])));
                break;
        }
    }

    private sealed record Request(int Database, string Key, RespCommand Command);
}
