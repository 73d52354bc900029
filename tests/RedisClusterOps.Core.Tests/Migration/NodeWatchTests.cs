using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>
/// Batches follow what clients wait only while clients use the node. The node's command counts show that.
/// </summary>
public sealed class NodeWatchTests : IDisposable
{
    private static readonly TimeSpan Later = TimeSpan.FromMilliseconds(30);

    private readonly SimulatedClock _clock = new();
    private readonly ClusterConnections _connections;
    private readonly ClusterNode _node = new("1", new NodeEndpoint("10.0.0.1", 6379), new NodeLine(), null, RedisNodeState.Ok, null);
    private readonly NodeWatch _watch;
    private string _stats = "";

    public NodeWatchTests()
    {
        _connections = new ClusterConnections(new ScriptedNodes { Clock = _clock }.Node("10.0.0.1:6379", Answer));
        _watch = new NodeWatch(new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), _connections));
    }

    [Fact]
    public async Task A_node_counts_as_used_until_two_samples_were_compared()
    {
        Assert.True(_watch.IsUsed(_node.Id));
        await SampleAsync("cmdstat_get:calls=5,usec=10\r\n");
        Assert.True(_watch.IsUsed(_node.Id));
        await SampleAsync("cmdstat_get:calls=5,usec=10\r\n");
        Assert.False(_watch.IsUsed(_node.Id));
    }

    [Theory]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_multi:calls=2,usec=1\r\ncmdstat_exec:calls=2,usec=90\r\n", false)]
    [InlineData("cmdstat_get:calls=6,usec=10\r\ncmdstat_multi:calls=2,usec=1\r\ncmdstat_exec:calls=2,usec=90\r\n", true)]
    [InlineData("cmdstat_get:calls=6,usec=12\r\n", true)]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_set:calls=1,usec=3\r\n", true)]
    [InlineData("cmdstat_get:calls=5,usec=10\r\ncmdstat_xinfo|stream:calls=1,usec=3\r\n", true)]
    [InlineData(
        "cmdstat_get:calls=5,usec=10\r\ncmdstat_migrate:calls=9,usec=900\r\ncmdstat_cluster|setslot:calls=300,usec=900\r\n"
        + "cmdstat_info:calls=3,usec=1\r\n",
        false)]
    [InlineData(
        "cmdstat_get:calls=5,usec=10\r\ncmdstat_restore-asking:calls=1000,usec=900\r\ncmdstat_asking:calls=7,usec=1\r\n"
        + "cmdstat_ping:calls=3,usec=1\r\ncmdstat_replconf:calls=40,usec=1\r\n",
        false)]
    public async Task Only_commands_of_applications_count_as_use(string now, bool isUsed)
    {
        await SampleAsync("cmdstat_get:calls=5,usec=10\r\n");
        await SampleAsync(now);
        Assert.Equal(isUsed, _watch.IsUsed(_node.Id));
    }

    [Fact]
    public async Task A_node_counts_as_used_if_its_statistics_may_not_be_read()
    {
        await SampleAsync("");
        await SampleAsync("");
        Assert.True(_watch.IsUsed(_node.Id));
    }

    [Fact]
    public async Task The_second_sample_waits_until_it_can_be_compared()
    {
        await SampleAsync("cmdstat_get:calls=5,usec=10\r\n");
        var first = _clock.Now;
        await _watch.SampleAsync(_node, default);
        Assert.Equal(TimeSpan.FromMilliseconds(20), _clock.Now - first);
        Assert.False(_watch.IsUsed(_node.Id));
    }

    // A timer of the system may be up to a millisecond early.
    [Fact]
    public async Task The_second_sample_is_compared_although_a_pause_ends_early()
    {
        _stats = "cmdstat_get:calls=5,usec=10\r\n";
        using var connections = new ClusterConnections(
            new ScriptedNodes { Clock = new EarlyClock(_clock) }.Node("10.0.0.1:6379", Answer));
        var watch = new NodeWatch(new ClusterReader(RedisClusterSession.Parse("10.0.0.1:6379"), connections));
        await watch.SampleAsync(_node, default);
        await watch.SampleAsync(_node, default);
        Assert.False(watch.IsUsed(_node.Id));
    }

    [Fact]
    public async Task Later_samples_at_the_same_moment_are_not_compared()
    {
        await SampleAsync("cmdstat_get:calls=5,usec=10\r\n");
        await SampleAsync("cmdstat_get:calls=6,usec=12\r\n");
        await _watch.SampleAsync(_node, default);
        Assert.True(_watch.IsUsed(_node.Id));
    }

    public void Dispose() => _connections.Dispose();

    private RespValue Answer(RespCommand command) => command.ToString() != "INFO commandstats" ? RespValue.Bulk("used_memory:1000\r\n")
        : _stats.Length > 0 ? RespValue.Bulk(_stats)
        : RespValue.Error("NOPERM this user has no permissions to run the 'info' command");

    private async Task SampleAsync(string stats)
    {
        _stats = stats;
        _clock.Pass(Later);
        await _watch.SampleAsync(_node, default);
    }

    private sealed class EarlyClock(SimulatedClock clock) : IClock
    {
        private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(0.7);

        public TimeSpan Now => clock.Now;

        public DateTime UtcNow => clock.UtcNow;

        public Task PauseAsync(TimeSpan pause, CancellationToken cancellation) =>
            clock.PauseAsync(pause > Early ? pause - Early : pause, cancellation);
    }
}
