using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>
/// A batch is measured without its round trips. While clients use the nodes, these rest between batches, and take part in one at a time.
/// </summary>
public sealed class BatchTimingTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(10);

    private readonly SimulatedClock _clock = new();
    private readonly ScriptedNodes _nodes;
    private readonly ClusterConnections _connections;
    private readonly StopRequest _stop;
    private readonly NodePace _source;
    private readonly NodePace _target;
    private readonly Exclusion<(string SourceId, string TargetId)> _batches = Exclusion.OfBatchesThatShareANode();
    private TimeSpan _reply = TimeSpan.FromMilliseconds(0.5);
    private bool _hasClients = true;

    public BatchTimingTests()
    {
        _nodes = new ScriptedNodes { Clock = _clock }.Node("10.0.0.1:6379", Answer).Node("10.0.0.2:6379", Answer);
        _connections = new ClusterConnections(_nodes);
        _stop = new StopRequest(_clock, default);
        (_source, _target) = (PaceOf(1), PaceOf(2));
    }

    [Fact]
    public async Task The_round_trips_of_a_batch_do_not_count_and_are_measured_once()
    {
        var timing = Timing();
        Assert.Equal(TimeSpan.FromMilliseconds(8.5), await timing.RunAsync(3, () => PassAsync(10)));
        Assert.Equal(TimeSpan.FromMilliseconds(9), await timing.RunAsync(2, () => PassAsync(10)));
        await Timing().RunAsync(1, () => PassAsync(1));
        Assert.Equal(["10.0.0.1:6379 PING"], _nodes.Asked);
    }

    [Fact]
    public async Task A_shorter_round_trip_than_the_measured_one_replaces_it()
    {
        var timing = Timing();
        Assert.Equal(TimeSpan.Zero, await timing.RunAsync(1, () => PassAsync(0.2)));
        Assert.Equal(TimeSpan.FromMilliseconds(0.8), await timing.RunAsync(1, () => PassAsync(1)));
    }

    [Fact]
    public async Task Slow_nodes_rest_before_the_next_batch_but_not_before_one_that_runs_at_once()
    {
        await SlowDownTargetAsync();
        var timing = Timing();
        await timing.RunAsync(1, () => PassAsync(8.5));
        var ended = _clock.Now;

        await timing.RunNowAsync(1, () => PassAsync(0.5));
        Assert.Equal(ended + TimeSpan.FromMilliseconds(0.5), _clock.Now);
        await timing.RunAsync(1, () => PassAsync(0.5));
        Assert.Equal(ended + TimeSpan.FromMilliseconds(3), _clock.Now);
    }

    [Fact]
    public async Task Without_clients_nothing_rests_and_no_node_is_probed()
    {
        await SlowDownTargetAsync();
        var asked = _nodes.Asked.Count;
        var timing = Timing();
        _hasClients = false;
        _clock.Pass(TimeSpan.FromMilliseconds(26));
        var started = _clock.Now;
        for (var i = 0; i < 3; i++)
            await timing.RunAsync(1, () => PassAsync(10));
        Assert.Equal(started + TimeSpan.FromMilliseconds(30), _clock.Now);
        Assert.Equal(asked, _nodes.Asked.Count);
    }

    [Theory]
    [InlineData(true, 0.5, 1.25, 10)]
    [InlineData(true, 30, 30, 10)]
    [InlineData(false, 0.5, 10, 10)]
    [InlineData(false, 30, 30, 30)]
    public async Task A_batch_may_take_what_clients_wait_anyway(bool hasClients, double roundTrip, double longest, double limit)
    {
        (_hasClients, _reply) = (hasClients, TimeSpan.FromMilliseconds(roundTrip));
        var timing = Timing();
        await timing.MeasureAsync();
        Assert.Equal((longest, limit), (timing.Longest.TotalMilliseconds, timing.Limit.TotalMilliseconds));
    }

    [Theory]
    [InlineData(true, 1, true)]
    [InlineData(true, 1.1, false)]
    [InlineData(false, 1, false)]
    public async Task Only_near_nodes_with_clients_wait_for_the_batch_of_another_pair(bool hasClients, double roundTrip, bool waits)
    {
        (_hasClients, _reply) = (hasClients, TimeSpan.FromMilliseconds(roundTrip));
        await _batches.EnterAsync(("3", "2"), default);
        var timing = Timing();
        await timing.MeasureAsync();

        var isRunning = false;
        var batch = timing.RunAsync(1, () =>
        {
            isRunning = true;
            return Task.CompletedTask;
        });
        Assert.Equal(waits, !isRunning);
        _batches.Leave(("3", "2"));
        await batch;
        Assert.True(isRunning);
        Assert.True(_batches.EnterAsync(("3", "2"), default).IsCompletedSuccessfully);
    }

    public void Dispose()
    {
        _stop.Dispose();
        _connections.Dispose();
    }

    private BatchTiming Timing() => new(_source, _target, _stop, () => _hasClients, _batches);

    private NodePace PaceOf(int id)
    {
        var node = new ClusterNode(id.ToString(), new NodeEndpoint("10.0.0." + id, 6379), new NodeLine(), null, RedisNodeState.Ok, null);
        return new NodePace(new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), _connections), node, Limit, null);
    }

    // Afterwards no probe is due: it would run on another thread.
    private async Task SlowDownTargetAsync()
    {
        foreach (var reply in new[] { 0.5, 20 })
        {
            _clock.Pass(TimeSpan.FromMilliseconds(26));
            _reply = TimeSpan.FromMilliseconds(reply);
            await _target.ProbeAsync(default);
            _reply = TimeSpan.FromMilliseconds(0.5);
            await _source.ProbeAsync(default);
        }

        Assert.Equal((0, 0.25), (_source.Rest, _target.Rest));
    }

    private RespValue Answer(RespCommand command)
    {
        _clock.Pass(_reply);
        return RespValue.Simple("PONG");
    }

    private Task PassAsync(double milliseconds)
    {
        _clock.Pass(TimeSpan.FromMilliseconds(milliseconds));
        return Task.CompletedTask;
    }
}
