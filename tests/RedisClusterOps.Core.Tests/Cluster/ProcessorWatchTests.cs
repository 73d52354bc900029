using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

public class ProcessorWatchTests
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(10);
    private readonly SimulatedClock _clock = new();

    [Fact]
    public async Task A_quiet_node_is_asked_once_more_and_not_waited_for()
    {
        var node = new Server(_clock, _ => 0.29);
        Assert.Null(await LookAsync(node, ProcessorWatch.WhereBusy));
        Assert.Equal((1, 3.0), (node.Asked, Waited));
    }

    [Fact]
    public async Task A_busy_node_is_watched_for_the_whole_window()
    {
        var node = new Server(_clock, _ => 0.97);
        Assert.Equal(97, await LookAsync(node, ProcessorWatch.WhereBusy));
        Assert.Equal((2, 150.0), (node.Asked, Waited));
    }

    [Fact]
    public async Task One_that_was_busy_for_a_moment_only_is_told_as_what_it_is()
    {
        var node = new Server(_clock, passed => passed < TimeSpan.FromMilliseconds(3) ? 1 : 0);
        Assert.Equal(2, await LookAsync(node, ProcessorWatch.WhereBusy));
    }

    [Theory]
    [InlineData(9_999, null)]
    [InlineData(10_000, 95.3)]
    public async Task One_that_does_many_commands_is_watched_though_it_pauses_at_the_glance(int commands, double? percent)
    {
        var node = new Server(_clock, passed => passed < TimeSpan.FromMilliseconds(7) ? 0 : 1);
        Assert.Equal(percent, await LookAsync(node, ProcessorWatch.WhereBusy, "instantaneous_ops_per_sec:" + commands.ToString(CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Where_every_node_is_to_be_watched_quiet_ones_are_too()
    {
        var node = new Server(_clock, _ => 0.01);
        Assert.Equal(1, await LookAsync(node, ProcessorWatch.Everywhere));
        Assert.Equal((1, 150.0), (node.Asked, Waited));
    }

    [Fact]
    public async Task Time_that_has_passed_since_it_was_read_is_part_of_the_window()
    {
        var node = new Server(_clock, _ => 0.5);
        var view = Read(node);
        _clock.Pass(TimeSpan.FromMilliseconds(400));
        Assert.Equal(50, await ProcessorWatch.Everywhere.LookAsync(view, node, _clock, TimeSpan.FromSeconds(1), default));
        Assert.Equal(400, Waited);
    }

    [Fact]
    public async Task One_that_tells_no_times_is_not_asked_again()
    {
        var node = new Server(_clock, _ => 1);
        Assert.Null(await ProcessorWatch.Everywhere.LookAsync(View("redis_version:7.0.15"), node, _clock, TimeSpan.FromSeconds(1), default));
        Assert.Equal(0, node.Asked);
    }

    private double Waited => (_clock.Now - Start).TotalMilliseconds;

    private Task<double?> LookAsync(Server node, ProcessorWatch watch, string info = "") =>
        watch.LookAsync(Read(node, info), node, _clock, TimeSpan.FromSeconds(1), default);

    private NodeView Read(Server node, string info = "")
    {
        _clock.Pass(Start);
        return View(node.Used() + info);
    }

    private NodeView View(string info) => new(default, ClusterNodesParser.Parse("a 10.0.0.1:7000@17000 myself,master - 0 0 1 connected"))
    {
        Facts = ServerFacts.Parse(info),
        ReadAt = _clock.Now,
    };

    /// <param name="load">The share of a core that it uses so long after it was read.</param>
    private sealed class Server(SimulatedClock clock, Func<TimeSpan, double> load) : INodeConnection
    {
        private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

        public int Asked { get; private set; }

        public NodeEndpoint Endpoint => default;

        public bool IsUsable => true;

        public string Used()
        {
            var used = TimeSpan.Zero;
            for (var passed = TimeSpan.Zero; passed < clock.Now - Start; passed += Tick)
                used += Tick * load(passed);
            return "used_cpu_user:" + (1 + used.TotalSeconds).ToString("0.000000", CultureInfo.InvariantCulture) + "\r\nused_cpu_sys:1.0\r\n";
        }

        public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            Asked++;
            Assert.Equal("INFO cpu", Assert.Single(commands).ToString());
            return Task.FromResult<IReadOnlyList<RespValue>>([RespValue.Bulk(Used())]);
        }

        public void Dispose()
        {
        }
    }
}
