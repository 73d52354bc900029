using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Protocol;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>A check of a hundred masters on real sockets, by the work it is; how long it takes is bench's row check-100.</summary>
public class HundredMastersTests
{
    private const int Masters = 100;

    [Fact]
    public async Task Each_node_is_read_once_over_one_connection()
    {
        await using var cluster = FakeMasters.Running(Masters);
        var health = await CheckAsync(cluster, TimeSpan.FromSeconds(30));
        Assert.True(health.Healthy, string.Join("; ", health.Findings.Select(finding => finding.Message)));
        Assert.Equal((Masters, HashSlot.Count), (health.Nodes.Count, health.Nodes.Sum(node => node.SlotCount)));
        Assert.All(cluster.Nodes, node => Assert.Equal(1, node.Connections));
        // The glance at the processor is the second question, and there is no third.
        Assert.All(cluster.Nodes, node => Assert.Equal(
            ["CLUSTER NODES", "CLUSTER INFO", "INFO", "DBSIZE", "INFO cpu"], node.Commands.Where(FakeMasters.IsOfACheck)));
    }

    [Fact]
    public async Task All_nodes_are_asked_before_the_first_has_answered()
    {
        var asked = 0;
        var allAsked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // The first node lists the others. If they were asked one after another, or in groups, none would answer.
        await using var cluster = FakeMasters.Running(Masters, (number, command) =>
        {
            if (number == 0 || command != "CLUSTER NODES")
                return Task.CompletedTask;
            if (Interlocked.Increment(ref asked) == Masters - 1)
                allAsked.SetResult();
            return allAsked.Task;
        });
        var health = await CheckAsync(cluster, TimeSpan.FromSeconds(30));
        Assert.True(health.Healthy, string.Join("; ", health.Findings.Select(finding => finding.Message)));
    }

    [Fact]
    public async Task Frozen_nodes_are_waited_for_together_and_named()
    {
        const int Frozen = 60;
        var patience = TimeSpan.FromSeconds(4);
        var asked = new ConcurrentBag<long>();
        var thaw = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var cluster = FakeMasters.Running(Masters, (number, command) =>
        {
            if (number < Masters - Frozen || command != "CLUSTER NODES")
                return Task.CompletedTask;
            asked.Add(Stopwatch.GetTimestamp());
            return thaw.Task;
        });
        var health = await CheckAsync(cluster, patience);
        thaw.SetResult();
        Assert.Equal(Frozen, asked.Count);
        // No node was asked only after the wait for another had ended.
        Assert.InRange(Stopwatch.GetElapsedTime(asked.Min(), asked.Max()), TimeSpan.Zero, patience - TimeSpan.FromMilliseconds(1));
        Assert.Equal(
            cluster.Nodes.Skip(Masters - Frozen).Select(node => node.Endpoint.ToString()).Order(),
            health.Findings
                .Where(finding => finding.Code == FindingCode.NodeUnreachable).SelectMany(finding => finding.Target.Split(',')).Order());
    }

    private static async Task<RedisClusterHealth> CheckAsync(FakeMasters cluster, TimeSpan patience)
    {
        var session = new RedisClusterSession([cluster.Nodes[0].Endpoint], new ConnectionOptions { ConnectTimeout = patience });
        using var redis = new RedisCluster(session);
        return await redis.TestAsync(new HealthOptions(), default);
    }
}
