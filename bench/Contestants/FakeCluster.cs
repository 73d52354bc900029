using System;
using System.Diagnostics;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Protocol;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>A check of masters that are none: sockets of this process, which answer as idle servers. What they take to answer is in the time, for they are on the same processors.</summary>
internal static class FakeCluster
{
    /// <summary>What Test-RedisCluster does.</summary>
    public static Contestant Test(string name, int masters) => new(name, Side.Ours, async (_, cancellation) => await TimeAsync(masters, async cluster =>
    {
        using var redis = new RedisCluster(new RedisClusterSession([cluster.Nodes[0].Endpoint], new ConnectionOptions()));
        if (await redis.TestAsync(new HealthOptions(), cancellation) is not { Healthy: true } health || health.Nodes.Count != masters)
            throw new InvalidOperationException("It was not a check of " + masters + " healthy masters.");
    }));

    public static Contestant Check(string name, int masters) => new(name, Side.Tool, async (_, cancellation) => await TimeAsync(masters, cluster =>
        ClusterTool.RunProgramAsync(Servers.ToolOf(Servers.Redis70), ["--cluster", "check", cluster.Nodes[0].Endpoint.ToString()], cancellation)));

    private static async Task<TimeSpan?> TimeAsync(int masters, Func<FakeMasters, Task> check)
    {
        await using var cluster = FakeMasters.Running(masters);
        var clock = Stopwatch.StartNew();
        await check(cluster);
        return clock.Elapsed;
    }
}
