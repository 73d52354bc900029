using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;
using static RedisClusterOps.Cluster.Tests.Faults.HealthFindingTests;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Findings about nodes: load, silence, lost masters, versions, and what they announce.</summary>
public sealed class NodeFindingTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Memory_and_processor_load_is_found(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var node = cluster.Node(0);
        var used = long.Parse(
            (await node.SendAsync("INFO", "memory")).Text.Split("used_memory:")[1].Split('\r')[0], CultureInfo.InvariantCulture);
        foreach (var (share, severity) in new[] { (0.88, FindingSeverity.Warning), (0.98, FindingSeverity.Error) })
        {
            await node.SendAsync("CONFIG", "SET", "maxmemory", (long)(used / share));
            var pressure = Assert.Single((await CheckAsync(cluster)).Findings);
            Assert.Equal(
                (FindingCode.MemoryPressure, severity, node.Endpoint.ToString()), (pressure.Code, pressure.Severity, pressure.Target));
        }

        await node.SendAsync("CONFIG", "SET", "maxmemory", 0);

        // On a busy machine the server may not get a whole core at once.
        using var ended = new CancellationTokenSource();
        var burning = Task.Run(async () =>
        {
            using var connection = await node.ConnectAsync();
            var work = RespCommand.Of("EVAL", "local x = 0 for i = 1, 100000 do x = x + i end return x", 0);
            while (!ended.IsCancellationRequested)
                await connection.SendAsync([.. Enumerable.Repeat(work, 20)], null, default);
        });
        await UntilFoundAsync(cluster, FindingCode.CpuPressure, node.Endpoint.ToString());
        await ended.CancelAsync();
        await burning;
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Frozen_nodes_are_unreachable_then_suspected_then_failed(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server,
            masters: 4,
            with: options => options with { NodeTimeout = TimeSpan.FromSeconds(2), Slots = LocalClusterOptions.SharesFor(4, 4) });
        var (first, second, third) = (cluster.Node(1), cluster.Node(2), cluster.Node(3));

        // The check notices at once. The cluster waits for the node timeout.
        first.Stop();
        var health = await CheckAsync(cluster, null, Impatient);
        Assert.Contains(first.Endpoint.ToString(), Targets(health, FindingCode.NodeUnreachable));
        Assert.Empty(Targets(health, FindingCode.SlotUncovered));
        health = await UntilFoundAsync(cluster, FindingCode.NodeFail, first.Endpoint.ToString());
        Assert.Contains("4096-8191", Targets(health, FindingCode.SlotUncovered));
        Assert.Contains(
            cluster.Node(0).Endpoint.ToString(),
            Targets(
                await UntilFoundAsync(cluster, FindingCode.ClusterStateFail, cluster.Node(0).Endpoint.ToString()),
                FindingCode.ClusterStateFail));

        // Without a majority no node can be flagged as failed, so the other two only stay suspected.
        second.Stop();
        third.Stop();
        health = await UntilFoundAsync(cluster, FindingCode.NodePFail, second.Endpoint.ToString());
        Assert.DoesNotContain(second.Endpoint.ToString(), Targets(health, FindingCode.NodeFail));
        Assert.Contains(second.Endpoint.ToString(), string.Join(",", Targets(health, FindingCode.NodeUnreachable)));

        foreach (var node in new[] { first, second, third })
            node.Continue();
        await cluster.Cluster.WaitUntilAgreedAsync();
        Assert.Empty((await CheckAsync(cluster)).Findings);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_replica_that_lost_its_master_is_found(string server)
    {
        var options = new ConnectionOptions { Password = "p" };
        await using var cluster = await TestCluster.StartAsync(
            server,
            masters: 3,
            replicas: 3,
            with: made => made with { ConfigLines = ["requirepass p", "masterauth p"], Connection = options });
        Assert.Empty((await CheckAsync(cluster, new HealthOptions { MinimumReplica = 1, Deep = true })).Findings);

        await cluster.Replicas[0].SendAsync("CONFIG", "SET", "masterauth", "wrong");
        await cluster.Masters[0].SendAsync("CLIENT", "KILL", "TYPE", "replica");
        var health = await UntilFoundAsync(cluster, FindingCode.ReplicaLinkDown, cluster.Replicas[0].Endpoint.ToString());
        Assert.False(health.Healthy);
        Assert.DoesNotContain(cluster.Replicas[1].Endpoint.ToString(), Targets(health, FindingCode.ReplicaLinkDown));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Nodes_that_never_join_or_changed_their_id_are_found(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var port = LoopbackPorts.Reserve();
        await cluster.Node(0).SendAsync("CLUSTER", "MEET", "127.0.0.1", port);
        await UntilFoundAsync(cluster, FindingCode.NodeHandshake, "127.0.0.1:" + port);
        LoopbackPorts.Release(port);

        // The master without slots restarts with another id at the same address.
        var lost = cluster.Node(3);
        var formerly = lost.Id;
        lost.Kill();
        File.Delete(Path.Combine(lost.Folder, "nodes.conf"));
        await lost.RestartAsync();
        Assert.NotEqual(formerly, lost.Id);
        await UntilAsync(async () => (await CheckAsync(cluster)).Findings.Any(finding =>
            (finding.Code == FindingCode.NodeNoAddress && finding.Target == formerly)
            // Valkey forgets the old node at once.
            || (finding.Code == FindingCode.NodeUnreachable
                && formerly.StartsWith(finding.Target, StringComparison.Ordinal)
                && finding.Message.Contains("no node knows its address"))));
    }

    // Only Redis 7.0 accepts such a value; newer versions require an address.
    [Theory]
    [InlineData("x\u001b[31mred\u0007")]
    [InlineData("$(touch${IFS}here)")]
    public async Task A_node_that_announces_control_characters_is_shown_by_its_id(string name)
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70);
        var odd = cluster.Node(2);
        await odd.SendAsync("CONFIG", "SET", "cluster-announce-ip", name);
        foreach (var node in cluster.Nodes)
            await UntilAsync(async () => (await node.SendAsync("CLUSTER", "NODES")).Text.Contains(name));

        var health = await CheckAsync(cluster, new HealthOptions { Deep = true });

        Assert.Equal(odd.Id[..8], Assert.Single(health.Nodes, node => node.Id == odd.Id).Endpoint);
        var shown = health.Findings.Select(finding => finding.Target + finding.Message + finding.Advice)
            .Concat(health.Nodes.Select(node => node.Endpoint + node.Host + node.Trouble + string.Concat(node.Replicas)));
        Assert.All(shown, text => Assert.DoesNotContain(text, c => char.IsControl(c) || c == '$'));
    }
}
