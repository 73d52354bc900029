using System;
using System.Linq;
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
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan TooLong = RoundTrip + Limit + TimeSpan.FromTicks(1);

    private readonly SimulatedClock _clock = new();
    private readonly ScriptedNodes _nodes;
    private readonly ClusterConnections _connections;
    private readonly OperationLog _log = new();
    private readonly NodePace _pace;
    private TimeSpan _reply = RoundTrip;

    public NodePaceTests()
    {
        _nodes = new ScriptedNodes { Clock = _clock }.Node("10.0.0.1:6379", Answer);
        _connections = new ClusterConnections(_nodes);
        _pace = PaceOf(Limit);
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
    public async Task A_round_trip_that_a_busy_connection_delayed_is_corrected_by_the_next_probe()
    {
        _reply = TimeSpan.FromMilliseconds(300);
        Assert.Equal(_reply, await _pace.RoundTripAsync(default));
        await ProbeAsync(RoundTrip);
        Assert.Equal(RoundTrip, await _pace.RoundTripAsync(default));
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

    [Fact]
    public async Task A_wait_of_exactly_the_limit_does_not_make_the_node_rest()
    {
        await ProbeAsync(RoundTrip);
        await ProbeAsync(RoundTrip + Limit);
        Assert.Equal(0, _pace.Rest);
        Assert.Null(_pace.SlowReason);
        Assert.False(_log.TryTake(out _, TimeSpan.Zero));
    }

    [Fact]
    public async Task Each_wait_above_the_limit_doubles_the_rest_up_to_the_time_of_the_batch()
    {
        await ProbeAsync(RoundTrip);
        foreach (var rest in new[] { 0.25, 0.5, 1, 1 })
        {
            await ProbeAsync(TooLong);
            Assert.Equal(rest, _pace.Rest);
            Assert.NotNull(_pace.SlowReason);
        }
    }

    [Fact]
    public async Task It_recovers_completely_once_the_node_is_fast_again()
    {
        await ProbeAsync(RoundTrip);
        for (var i = 0; i < 10; i++)
            await ProbeAsync(TooLong);
        for (var i = 0; i < 60; i++)
            await ProbeAsync(RoundTrip);
        Assert.Equal(0, _pace.Rest);
    }

    [Fact]
    public async Task A_node_on_which_one_wait_in_fifty_is_long_for_other_reasons_keeps_most_of_its_speed()
    {
        await ProbeAsync(RoundTrip);
        var sum = 0.0;
        for (var i = 0; i < 1_000; i++)
        {
            await ProbeAsync(i % 50 == 0 ? TooLong : RoundTrip);
            sum += _pace.Rest;
        }

        Assert.InRange(sum / 1_000, 0.01, 0.1);
    }

    [Fact]
    public void A_batch_takes_an_eighth_of_the_limit_within_bounds()
    {
        var batches = new[] { 1, 2, 4, 8, 20 }.Select(limit => PaceOf(TimeSpan.FromMilliseconds(limit)).Batch.TotalMilliseconds);
        Assert.Equal([0.15, 0.25, 0.5, 1, 1.25], batches);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10_000)]
    [InlineData(long.MaxValue)]
    public async Task Batches_and_rests_are_bounded_for_every_limit_and_every_wait(long limit)
    {
        var pace = PaceOf(TimeSpan.FromTicks(limit));
        foreach (var reply in new[] { TimeSpan.FromDays(10_000), TimeSpan.Zero, TimeSpan.FromDays(10_000), Limit, TimeSpan.Zero })
        {
            for (var i = 0; i < 100; i++)
            {
                await ProbeAsync(reply, pace);
                Assert.InRange(pace.Batch.TotalMilliseconds, 0.15, 1.25);
                Assert.InRange(pace.Rest, 0, 1);
            }
        }
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

    private NodePace PaceOf(TimeSpan limit)
    {
        var node = new ClusterNode("1", new NodeEndpoint("10.0.0.1", 6379), new NodeLine(), null, RedisNodeState.Ok, null);
        return new NodePace(new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), _connections), node, limit, _log);
    }

    private async Task ProbeAsync(TimeSpan reply, NodePace? pace = null)
    {
        _clock.Pass(Later);
        _reply = reply;
        await (pace ?? _pace).ProbeAsync(default);
    }
}
