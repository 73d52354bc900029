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

public class CpuSamplingTests
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(10);
    private readonly SimulatedClock _clock = new();

    [Fact]
    public async Task An_idle_node_is_sampled_once_more_without_a_long_wait()
    {
        var node = new Server(_clock, _ => 0.29);
        Assert.Null(await MeasureAsync(node, CpuSampling.BusyNodes));
        Assert.Equal((1, 3.0), (node.Asked, Waited));
    }

    [Fact]
    public async Task A_busy_node_is_measured_over_the_full_window()
    {
        var node = new Server(_clock, _ => 0.97);
        Assert.Equal(97, await MeasureAsync(node, CpuSampling.BusyNodes));
        Assert.Equal((2, 150.0), (node.Asked, Waited));
    }

    [Fact]
    public async Task A_node_that_is_busy_for_a_moment_is_reported_with_its_average()
    {
        var node = new Server(_clock, passed => passed < TimeSpan.FromMilliseconds(3) ? 1 : 0);
        Assert.Equal(2, await MeasureAsync(node, CpuSampling.BusyNodes));
    }

    [Theory]
    [InlineData(9_999, null)]
    [InlineData(10_000, 95.3)]
    public async Task A_node_with_many_commands_is_measured_even_if_it_pauses_during_the_first_window(int commands, double? percent)
    {
        var node = new Server(_clock, passed => passed < TimeSpan.FromMilliseconds(7) ? 0 : 1);
        var info = "instantaneous_ops_per_sec:" + commands.ToString(CultureInfo.InvariantCulture);
        Assert.Equal(percent, await MeasureAsync(node, CpuSampling.BusyNodes, info));
    }

    [Fact]
    public async Task Idle_nodes_are_measured_if_all_nodes_are_requested()
    {
        var node = new Server(_clock, _ => 0.01);
        Assert.Equal(1, await MeasureAsync(node, CpuSampling.AllNodes));
        Assert.Equal((1, 150.0), (node.Asked, Waited));
    }

    [Fact]
    public async Task Time_since_the_reading_counts_as_part_of_the_window()
    {
        var node = new Server(_clock, _ => 0.5);
        var view = Read(node);
        _clock.Pass(TimeSpan.FromMilliseconds(400));
        Assert.Equal(50, await CpuSampling.AllNodes.MeasureAsync(view, node, _clock, TimeSpan.FromSeconds(1), default));
        Assert.Equal(400, Waited);
    }

    [Fact]
    public async Task A_node_without_CPU_times_is_not_sampled_again()
    {
        var node = new Server(_clock, _ => 1);
        Assert.Null(await CpuSampling.AllNodes.MeasureAsync(View("redis_version:7.0.15"), node, _clock, TimeSpan.FromSeconds(1), default));
        Assert.Equal(0, node.Asked);
    }

    private double Waited => (_clock.Now - Start).TotalMilliseconds;

    private Task<double?> MeasureAsync(Server node, CpuSampling sampling, string info = "") =>
        sampling.MeasureAsync(Read(node, info), node, _clock, TimeSpan.FromSeconds(1), default);

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

    /// <param name="load">The share of a core that the server uses, by the time since it was read.</param>
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
            var user = (1 + used.TotalSeconds).ToString("0.000000", CultureInfo.InvariantCulture);
            return "used_cpu_user:" + user + "\r\nused_cpu_sys:1.0\r\n";
        }

        public Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
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
