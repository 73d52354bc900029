using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>Whether anybody but us is at a node decides how much of its time we may take in one go. The node's own counts of its commands tell.</summary>
public sealed class NodeWatchTests : IDisposable
{
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(30);

    private readonly SimulatedClock _clock = new();
    private readonly ClusterConnections _connections;
    private readonly ClusterNode _node = new("1", new NodeEndpoint("10.0.0.1", 6379), new NodeLine(), null, RedisNodeState.Ok, null);
    private readonly NodeWatch _watch;
    private string _told = "";

    public NodeWatchTests()
    {
        _connections = new ClusterConnections(new ScriptedNodes { Clock = _clock }.Node("10.0.0.1:6379", command => command.ToString() == "INFO commandstats"
            ? _told.Length > 0 ? RespValue.Bulk(_told) : RespValue.Error("NOPERM this user has no permissions to run the 'info' command")
            : RespValue.Bulk("used_memory:1000\r\n")));
        _watch = new NodeWatch(new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), _connections));
    }

    [Fact]
    public async Task Until_two_looks_have_been_compared_clients_are_taken_to_be_there()
    {
        Assert.True(_watch.IsUsed(_node.Id));
        await LookAsync("cmdstat_get:calls=5,usec=10\r\n");
        Assert.True(_watch.IsUsed(_node.Id));
        await LookAsync("cmdstat_get:calls=5,usec=10\r\n");
        Assert.False(_watch.IsUsed(_node.Id));
    }

    [Theory]
    [InlineData("cmdstat_get:calls=6,usec=12\r\n", true)]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_set:calls=1,usec=3\r\n", true)]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_xinfo|stream:calls=1,usec=3\r\n", true)]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_migrate:calls=9,usec=900\r\ncmdstat_cluster|setslot:calls=300,usec=900\r\ncmdstat_info:calls=3,usec=1\r\n", false)]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_restore-asking:calls=1000,usec=900\r\ncmdstat_asking:calls=7,usec=1\r\ncmdstat_ping:calls=3,usec=1\r\ncmdstat_replconf:calls=40,usec=1\r\n", false)]
    public async Task Only_what_applications_send_counts(string now, bool isUsed)
    {
        await LookAsync("cmdstat_get:calls=5,usec=10\r\n");
        await LookAsync(now);
        Assert.Equal(isUsed, _watch.IsUsed(_node.Id));
    }

    [Fact]
    public async Task They_are_there_where_nobody_may_ask()
    {
        await LookAsync("");
        await LookAsync("");
        Assert.True(_watch.IsUsed(_node.Id));
    }

    [Fact]
    public async Task Two_looks_in_the_same_moment_say_nothing_about_what_is_between_them()
    {
        await LookAsync("cmdstat_get:calls=5,usec=10\r\n");
        await LookAsync("cmdstat_get:calls=6,usec=12\r\n");
        await _watch.LookAsync(_node, default);
        Assert.True(_watch.IsUsed(_node.Id));
    }

    [Fact]
    public async Task What_a_key_costs_is_what_the_node_spent_on_MIGRATE_for_each_that_left_it()
    {
        await LookAsync("cmdstat_ping:calls=1,usec=1\r\n");
        Assert.Null(_watch.KeyCostOf(_node.Id));
        _watch.Moved(_node.Id, 100);
        await LookAsync("cmdstat_migrate:calls=2,usec=1500\r\n");
        Assert.Equal(15, _watch.KeyCostOf(_node.Id)!.Value.TotalMicroseconds);
        _watch.Moved(_node.Id, 100);
        await LookAsync("cmdstat_migrate:calls=4,usec=2500\r\n");
        Assert.Equal(10, _watch.KeyCostOf(_node.Id)!.Value.TotalMicroseconds);
    }

    [Fact]
    public async Task Where_none_was_moved_meanwhile_a_key_costs_what_it_did()
    {
        _watch.Moved(_node.Id, 100);
        await LookAsync("cmdstat_migrate:calls=2,usec=1500\r\n");
        await LookAsync("cmdstat_migrate:calls=2,usec=1500\r\n");
        Assert.Equal(15, _watch.KeyCostOf(_node.Id)!.Value.TotalMicroseconds);
    }

    public void Dispose() => _connections.Dispose();

    private async Task LookAsync(string told)
    {
        _told = told;
        _clock.Pass(Later);
        await _watch.LookAsync(_node, default);
    }
}
