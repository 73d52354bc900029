using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Comparison;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Watching;

/// <summary>Checks what docs/redis-cli.md says about both tools, on a cluster with three problems at once.</summary>
public sealed class BesideRedisCliTests
{
    [Fact]
    public async Task Three_problems_are_three_findings_and_redis_cli_reports_two_of_them()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis70, with: options => options with { ConfigLines = ["cluster-require-full-coverage no"] });
        var (target, full) = (cluster.Node(3), cluster.Node(3).Endpoint.ToString());
        await cluster.Wedge().WedgeAsync(target.Endpoint, 5519, 25, 13);
        foreach (var node in cluster.Nodes)
            await node.SendAsync("CLUSTER", "DELSLOTS", 100);
        await target.SendAsync("CONFIG", "SET", "maxmemory", 1000);

        var (status, output) = await FixTool.RunAsync(Servers.Redis70, cluster.Node(0), [], string.Empty, command: "check");
        Assert.Equal(1, status);
        Assert.Contains("The following slots are open: 5519.", output);
        Assert.Contains("Not all 16384 slots are covered by nodes.", output);
        Assert.DoesNotContain("memory", output);

        var session = new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection);
        using var redis = new RedisCluster(session) { NextActionText = NextActionText.Of };
        var health = await redis.TestAsync(new HealthOptions { Deep = true }, default);
        Assert.False(health.Healthy);
        Assert.Equal(
            [
                (FindingCode.SlotUncovered, "100", "Repair-RedisCluster -Slot 100"),
                (FindingCode.SlotOpen, "5519", "Complete-RedisSlotMigration -Slot 5519"),
                (FindingCode.MemoryPressure, full, "Get-RedisClusterNode -Node " + full),
            ],
            health.Findings.Select(finding => (finding.Code, finding.Target, finding.Advice)));

        // Each node reports the same in its own view.
        var info = await redis.GetInfoAsync(default);
        Assert.Equal(4, info.Views.Count);
        Assert.All(info.Views, view => Assert.Equal((HashSlot.Count - 1, "ok"), (view.SlotsAssigned, view.State)));
    }

    // Only each master's own line shows the collision. The other master is frozen, so that it cannot resolve it.
    [Fact]
    public async Task Two_masters_with_the_same_epoch_are_found()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis70, masters: 3, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var (kept, changed) = (cluster.Node(0), cluster.Node(1));
        var epoch = (await TestCluster.OwnLineOfAsync(kept)).ConfigEpoch;
        var own = (await TestCluster.OwnLineOfAsync(changed)).ConfigEpoch;
        changed.Kill();
        kept.Stop();
        try
        {
            var file = Path.Combine(changed.Folder, "nodes.conf");
            var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
            var myself = Array.FindIndex(lines, line => line.Contains("myself"));
            lines[myself] = lines[myself].Replace(" " + own + " connected", " " + epoch + " connected");
            await File.WriteAllLinesAsync(file, lines, TestContext.Current.CancellationToken);
            await changed.RestartAsync(TestContext.Current.CancellationToken);

            var options = new Protocol.ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(700) };
            using var redis = new RedisCluster(new RedisClusterSession([changed.Endpoint], options));
            var health = await redis.TestAsync(new HealthOptions(), default);

            var collision = Assert.Single(health.Findings, finding => finding.Code == FindingCode.EpochCollision);
            Assert.Equal(new[] { kept.Endpoint.ToString(), changed.Endpoint.ToString() }.Order(), collision.Target.Split(',').Order());
            Assert.Contains("config epoch " + epoch, collision.Message);
        }
        finally
        {
            kept.Continue();
        }
    }

    [Fact]
    public void The_document_names_every_finding_and_every_alert()
    {
        var text = File.ReadAllText(RepositoryFiles.Document("health.md"));
        var findings = text.Split("## Every finding")[1];
        Assert.All(Enum.GetNames<FindingCode>(), name => Assert.Contains("\n| `" + name + "` | ", findings));
        Assert.All(Enum.GetNames<AlertCode>(), name => Assert.Contains("`" + name + "`", text.Split("## Every alert")[1]));
    }
}
