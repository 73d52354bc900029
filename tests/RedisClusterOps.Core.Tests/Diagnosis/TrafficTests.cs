using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>What nodes do per second, from two readings of their counters.</summary>
public sealed class TrafficTests
{
    private const string A = "10.0.0.1:7000";
    private const string B = "10.0.0.2:7000";
    private static readonly string IdOfA = new('a', 40);
    private static readonly string IdOfB = new('b', 40);
    private static readonly TimeSpan TwoSeconds = TimeSpan.FromSeconds(2);

    private readonly SimulatedClock _clock = new();
    private readonly ScriptedNodes _nodes = new();
    private bool _isAlone = true;

    public TrafficTests() => _nodes.Clock = _clock;

    [Fact]
    public async Task Rates_are_differences_without_the_readings_own_command()
    {
        var info = Infos(A, IdOfA);
        info.Enqueue(Info(commands: 100, input: 5_000, output: 10_000, errors: "MOVED 7"));
        info.Enqueue(Info(commands: 301, input: 7_014, output: 10_000, errors: "MOVED 27,ASK 4,TRYAGAIN 3,CLUSTERDOWN 2,CROSSSLOT 1"));

        var row = Assert.Single(await MeasureAsync());

        Assert.Equal((A, IdOfA, TwoSeconds, 27L), (row.Node, row.NodeId, row.Interval, row.MovedReplies));
        Assert.Equal((100, 1000, 0), (row.OperationsPerSecond, row.InputBytesPerSecond, row.OutputBytesPerSecond));
        Assert.Equal(
            (10, 2, 1.5, 1, 0.5),
            (row.MovedPerSecond, row.AskPerSecond, row.TryAgainPerSecond, row.ClusterDownPerSecond, row.CrossSlotPerSecond));
        Assert.Equal((12L, 3L, 0L), (row.ConnectedClients, row.BlockedClients, row.RejectedConnections));
        Assert.Equal("1.5 TRYAGAIN/s, 1 CLUSTERDOWN/s, 0.5 CROSSSLOT/s. Next: Get-RedisClusterHealth", row.Trouble);
    }

    [Theory]
    [InlineData("MOVED 9,ASK 9", null)]
    [InlineData("TRYAGAIN 9", "4.5 TRYAGAIN/s. Next: Get-RedisOpenSlot")]
    [InlineData(
        "CROSSSLOT 9",
        "4.5 CROSSSLOT/s. Next: Get-RedisKeySlot -Key <key>   "
            + "(the keys of one command need one slot: give them the same hash tag, as in {user1}:name)")]
    public async Task Errors_that_an_application_sees_have_a_next_step(string errors, string? trouble)
    {
        var info = Infos(A, IdOfA);
        info.Enqueue(Info(commands: 1));
        info.Enqueue(Info(commands: 2, errors: errors));
        Assert.Equal(trouble, Assert.Single(await MeasureAsync()).Trouble);
    }

    [Fact]
    public async Task Intervals_follow_each_other_and_need_one_reading_each()
    {
        var info = Infos(A, IdOfA);
        foreach (var commands in new[] { 0, 21, 62 })
            info.Enqueue(Info(commands));
        using var redis = Open();
        var first = Assert.Single(await redis.MeasureTrafficAsync(TwoSeconds, null, default));
        // The caller takes its time. The next reading is still on time.
        _clock.Pass(TimeSpan.FromSeconds(0.5));
        var second = Assert.Single(await redis.MeasureTrafficAsync(TwoSeconds, null, default));
        Assert.Equal((10, 20), (first.OperationsPerSecond, second.OperationsPerSecond));
        Assert.Equal(TwoSeconds, second.Interval);
        Assert.Equal(TwoSeconds, second.Time - first.Time);
    }

    [Theory]
    [InlineData(5, "other", "it restarted in the interval")]
    [InlineData(900, "other", "it restarted in the interval")]
    [InlineData(5, "run1", "its counters were reset in the interval")]
    public async Task A_restarted_node_has_no_rates_and_so_no_negative_ones(int commands, string run, string trouble)
    {
        var info = Infos(A, IdOfA);
        info.Enqueue(Info(commands: 500, errors: "MOVED 50"));
        info.Enqueue(Info(commands, run: run, errors: "MOVED 5"));
        info.Enqueue(Info(commands + 21, run: run, errors: "MOVED 25"));
        using var redis = Open();
        var row = Assert.Single(await redis.MeasureTrafficAsync(TwoSeconds, null, default));
        Assert.Equal((null, null, null, trouble), (row.OperationsPerSecond, row.MovedPerSecond, row.InputBytesPerSecond, row.Trouble));
        Assert.Equal((12L, 5L), (row.ConnectedClients, row.MovedReplies));
        row = Assert.Single(await redis.MeasureTrafficAsync(TwoSeconds, null, default));
        Assert.Equal((10, 10, null), (row.OperationsPerSecond, row.MovedPerSecond, row.Trouble));
    }

    [Fact]
    public async Task What_a_server_does_not_count_is_empty()
    {
        var info = Infos(A, IdOfA);
        info.Enqueue("total_commands_processed:0\r\n");
        info.Enqueue("total_commands_processed:21\r\n");
        var row = Assert.Single(await MeasureAsync());
        Assert.Equal((10, null, null, null), (row.OperationsPerSecond, row.MovedPerSecond, row.OutputBytesPerSecond, row.ConnectedClients));
        Assert.Equal((null, null), (row.MovedReplies, row.Trouble));
    }

    [Fact]
    public async Task A_node_that_is_away_is_a_row_with_the_reason()
    {
        var info = Infos(A, IdOfA);
        info.Enqueue(Info(commands: 0));
        info.Enqueue(Info(commands: 21));
        _isAlone = false;
        _nodes.Refuses(B, FailureCode.ConnectionFailed, "Cannot connect to B: refused.");
        var rows = await MeasureAsync();
        Assert.Equal([A, B], rows.Select(row => row.Node));
        Assert.Equal((10, null), (rows[0].OperationsPerSecond, rows[0].Trouble));
        Assert.Equal((null, "Cannot connect to B: refused"), (rows[1].OperationsPerSecond, rows[1].Trouble));
    }

    [Fact]
    public async Task Nodes_can_be_chosen_and_a_missing_right_is_an_error()
    {
        Infos(A, IdOfA);
        using var unread = Open();
        var unknown = await Assert.ThrowsAsync<RedisOperationException>(() => unread.MeasureTrafficAsync(TwoSeconds, ["x"], default));
        Assert.Equal(FailureCode.NodeNotFound, unknown.Code);
        _nodes.Node(A, command => command.ToString() == "INFO" ? RespValue.Error("NOPERM no permissions to run 'info'") : Answer(command));
        using var redis = Open();
        var refused = await Assert.ThrowsAsync<RedisServerException>(() => redis.MeasureTrafficAsync(TwoSeconds, [A], default));
        Assert.Equal(FailureCode.PermissionDenied, refused.Code);
    }

    private RedisCluster Open() => new(RedisClusterSession.Parse(A), _nodes, null) { NextActionText = NextActionText.Of };

    private async Task<IReadOnlyList<RedisClusterTraffic>> MeasureAsync()
    {
        using var redis = Open();
        return await redis.MeasureTrafficAsync(TwoSeconds, null, default);
    }

    // The first INFO belongs to the reading of the cluster. The others are those of the queue, in order.
    private Queue<string> Infos(string endpoint, string id)
    {
        var infos = new Queue<string>();
        var isRead = false;
        _nodes.Node(endpoint, command =>
        {
            if (command.ToString() != "INFO")
                return Answer(command);
            var reply = isRead ? infos.Dequeue() : string.Empty;
            isRead = true;
            return RespValue.Bulk(reply);
        });
        return infos;
    }

    private RespValue Answer(RespCommand command) => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(
            $"{IdOfA} {A}@1 myself,master - 0 0 1 connected 0-8191\n"
                + (_isAlone ? string.Empty : $"{IdOfB} {B}@1 master - 0 0 2 connected 8192-16383\n")),
        "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
        "DBSIZE" => RespValue.Number(0),
        _ => RespValue.Error("ERR unknown command " + command),
    };

    private static string Info(int commands, int input = 0, int output = 0, string errors = "", string run = "run1")
    {
        var counts = errors.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(error => error.Split(' '))
            .Select(error => $"errorstat_{error[0]}:count={error[1]}\r\n");
        return string.Create(CultureInfo.InvariantCulture, $"""
            # Server
            run_id:{run}
            connected_clients:12
            blocked_clients:3
            total_commands_processed:{commands}
            total_net_input_bytes:{input}
            total_net_output_bytes:{output}
            rejected_connections:4
            total_error_replies:99

            """) + string.Concat(counts);
    }
}
