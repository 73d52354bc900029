using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>What clients wait is measured by PING while a batch is in progress, and the rests between batches follow it.</summary>
public sealed class NodePaceTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(26);

    private readonly SimulatedClock _clock = new();
    private readonly ScriptedNodes _nodes;
    private readonly ClusterConnections _connections;
    private readonly OperationLog _log = new();
    private readonly NodePace _pace;
    private TimeSpan _reply = TimeSpan.FromMilliseconds(1);

    public NodePaceTests()
    {
        _nodes = new ScriptedNodes { Clock = _clock }.Node("10.0.0.1:6379", Answer);
        _connections = new ClusterConnections(_nodes);
        var node = new ClusterNode("1", new NodeEndpoint("10.0.0.1", 6379), new NodeLine(), null, RedisNodeState.Ok, null);
        var reader = new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), _connections);
        _pace = new NodePace(reader, node, Limit, _log);
    }

    [Fact]
    public async Task The_probe_has_a_connection_of_its_own_and_does_not_count_the_round_trip()
    {
        Assert.Equal(TimeSpan.FromMilliseconds(1), await _pace.RoundTripAsync(default));
        await ProbeAsync(TimeSpan.FromMilliseconds(1));

        await ProbeAsync(TimeSpan.FromMilliseconds(11));

        Assert.Equal(2, _nodes.Dialled.Count);
        Assert.Null(_pace.SlowReason);
    }

    [Fact]
    public async Task A_wait_above_the_limit_makes_the_node_rest_and_is_reported_with_its_reason()
    {
        await ProbeAsync(TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, _pace.Rest);

        await ProbeAsync(TimeSpan.FromMilliseconds(21.4));

        const string Reason = "a PING to 10.0.0.1:6379 took 20.4 ms, longer than the limit of 10 ms";
        Assert.Equal(0.25, _pace.Rest);
        Assert.Equal(Reason, _pace.SlowReason);
        Assert.True(_log.TryTake(out var logged, TimeSpan.Zero));
        Assert.Equal((OperationEventKind.State, "Slower: " + Reason + "."), (logged!.Kind, logged.Message));
    }

    [Fact]
    public async Task It_is_reported_once_in_five_seconds_and_the_reason_ends_when_the_node_is_fast_again()
    {
        await ProbeAsync(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 80; i++)
            await ProbeAsync(TimeSpan.FromMilliseconds(30));
        Assert.True(_log.TryTake(out _, TimeSpan.Zero));
        Assert.False(_log.TryTake(out _, TimeSpan.Zero));

        for (var i = 0; i < 200; i++)
            await ProbeAsync(TimeSpan.FromMilliseconds(1));

        Assert.Null(_pace.SlowReason);
    }

    [Fact]
    public async Task There_is_no_more_than_one_probe_in_twenty_five_milliseconds()
    {
        await _pace.RoundTripAsync(default);
        var before = _nodes.Asked.Count;
        _clock.Pass(Later);
        for (var i = 0; i < 10; i++)
            await _pace.ProbeAsync(default);
        Assert.Equal(before + 1, _nodes.Asked.Count);
    }

    [Fact]
    public async Task A_probe_that_is_refused_changes_nothing_and_is_not_repeated_for_a_while()
    {
        await _pace.RoundTripAsync(default);
        _nodes.Refuses("10.0.0.1:6379", FailureCode.TooManyClients, "max number of clients reached");

        for (var i = 0; i < 100; i++)
            await ProbeAsync(TimeSpan.FromMilliseconds(30));

        Assert.Equal(0, _pace.Rest);
        Assert.Equal(2, _nodes.Dialled.Count);
    }

    [Fact]
    public async Task A_cancelled_probe_does_not_throw()
    {
        await _pace.RoundTripAsync(default);
        using var abort = new CancellationTokenSource();
        await abort.CancelAsync();
        await _pace.ProbeAsync(abort.Token);
        Assert.Null(_pace.SlowReason);
    }

    public void Dispose()
    {
        _connections.Dispose();
        _log.Dispose();
    }

    private RespValue Answer(RespCommand command)
    {
        _clock.Pass(_reply);
        return command.ToString() == "PING" ? RespValue.Simple("PONG") : RespValue.Error("ERR unknown command");
    }

    private async Task ProbeAsync(TimeSpan reply)
    {
        _clock.Pass(Later);
        _reply = reply;
        await _pace.ProbeAsync(default);
    }
}
