using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>How often a bulk move reads the memory and the replicas of its nodes. Keys wait for that.</summary>
public sealed class MovePaceTests : IDisposable
{
    private readonly SimulatedClock _clock = new();
    private readonly ScriptedNodes _nodes;
    private readonly ClusterConnections _connections;
    private readonly StopRequest _stop;
    private readonly MovePace _pace;
    private TimeSpan _roundTrip;
    private string _info = "# Memory\r\nused_memory:1000\r\nmaxmemory:0\r\n";

    public MovePaceTests()
    {
        _nodes = new ScriptedNodes { Clock = _clock }.Node("10.0.0.1:6379", Answer).Node("10.0.0.2:6379", Answer);
        _connections = new ClusterConnections(_nodes);
        _stop = new StopRequest(_clock, default);
        var reader = new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), _connections);
        _pace = new MovePace(reader, new NodeWatch(reader), new MoveOptions(), null);
    }

    [Fact]
    public async Task The_first_checks_follow_each_other_quickly()
    {
        var checks = await ChecksAsync(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 25, 75, 175, 375, 775], checks);
    }

    [Fact]
    public async Task Over_a_distance_they_take_at_most_a_tenth_of_the_time()
    {
        _roundTrip = TimeSpan.FromMilliseconds(40);
        var checks = await ChecksAsync(TimeSpan.FromSeconds(4));
        Assert.All(checks.Zip(checks.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 400, 600));
        Assert.InRange(checks.Length, 7, 10);
    }

    [Fact]
    public async Task A_target_that_is_full_gets_ten_minutes_even_if_the_run_has_waited_for_a_replica_before()
    {
        _info = "master_repl_offset:100000000\r\nslave0:ip=10.0.0.3,port=6379,state=online,offset=1,lag=1\r\n";
        var fullFrom = TimeSpan.FromMinutes(9);
        _clock.After(fullFrom, () => _info = "used_memory:990\r\nmaxmemory:1000\r\n");
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => _pace.WaitForRoomAsync(Node(1), Node(2), _stop));
        Assert.Equal(FailureCode.TargetOutOfMemory, failure.Code);
        Assert.InRange((_clock.Now - fullFrom).TotalMinutes, 10, 10.1);
    }

    public void Dispose()
    {
        _stop.Dispose();
        _connections.Dispose();
    }

    // The moments of the checks in milliseconds, while a batch is to be sent in each of them.
    private async Task<int[]> ChecksAsync(TimeSpan until)
    {
        var (source, target) = (Node(1), Node(2));
        var checks = new List<int>();
        while (_clock.Now < until)
        {
            var (now, asked) = (_clock.Now, _nodes.Asked.Count);
            await _pace.WaitAsync(source, target, _stop);
            if (_nodes.Asked.Count > asked)
                checks.Add((int)now.TotalMilliseconds);
            _clock.Pass(TimeSpan.FromMilliseconds(1));
        }

        return [.. checks];
    }

    private static ClusterNode Node(int number) =>
        new(number.ToString(), new NodeEndpoint("10.0.0." + number, 6379), new NodeLine(), null, RedisNodeState.Ok, null);

    // A check asks both nodes four questions, in simulated time one after another.
    private RespValue Answer(RespCommand command)
    {
        var isPing = command.ToString() == "PING";
        _clock.Pass(TimeSpan.FromTicks(_roundTrip.Ticks / (isPing ? 1 : 8)));
        return isPing ? RespValue.Simple("PONG") : RespValue.Bulk(_info);
    }
}
