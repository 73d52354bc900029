using System;
using System.Diagnostics;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Protocol;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>
/// A check of simulated masters: sockets of this process that answer like idle servers. They share the processors with the contestants, so
/// their time is included.
/// </summary>
internal static class FakeCluster
{
    /// <summary>The work of Test-RedisCluster.</summary>
    public static Contestant Test(string name, int masters) => new(name, Side.Ours, (_, cancellation) => TimeAsync(masters, async cluster =>
    {
        using var redis = new RedisCluster(new RedisClusterSession([cluster.Nodes[0].Endpoint], new ConnectionOptions()));
        if (await redis.TestAsync(new HealthOptions(), cancellation) is not { Healthy: true } health || health.Nodes.Count != masters)
            throw new InvalidOperationException("The check did not find " + masters + " healthy masters.");
    }));

    /// <summary>The check of redis-cli.</summary>
    public static Contestant Check(string name, int masters) => new(name, Side.Tool, (_, cancellation) => TimeAsync(masters, cluster =>
    {
        string[] arguments = ["--cluster", "check", cluster.Nodes[0].Endpoint.ToString()];
        return ClusterTool.RunProgramAsync(Servers.ToolOf(Servers.Redis70), arguments, cancellation);
    }));

    private static async Task<TimeSpan?> TimeAsync(int masters, Func<FakeMasters, Task> check)
    {
        await using var cluster = FakeMasters.Running(masters);
        var clock = Stopwatch.StartNew();
        await check(cluster);
        return clock.Elapsed;
    }
}
