using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Comparison;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Watching;

/// <summary>What docs/health.md says of both tools, on a cluster that has three things wrong at once.</summary>
public sealed class BesideRedisCliTests
{
    [Fact]
    public async Task Three_things_wrong_at_once_are_three_findings_and_redis_cli_sees_two_of_them()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, with: options => options with { ConfigLines = ["cluster-require-full-coverage no"] });
        var (target, full) = (cluster.Node(3), cluster.Node(3).Endpoint.ToString());
        await cluster.Wedge().WedgeAsync(target.Endpoint, 5519, 25, 13);
        foreach (var node in cluster.Nodes)
            await node.SendAsync("CLUSTER", "DELSLOTS", 100);
        await target.SendAsync("CONFIG", "SET", "maxmemory", 1000);

        var (status, said) = await FixTool.RunAsync(Servers.Redis70, cluster.Node(0), [], string.Empty, command: "check");
        Assert.Equal(1, status);
        Assert.Contains("The following slots are open: 5519.", said);
        Assert.Contains("Not all 16384 slots are covered by nodes.", said);
        Assert.DoesNotContain("memory", said);

        using var redis = new RedisCluster(new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection)) { NextActionText = NextActionText.Of };
        var health = await redis.TestAsync(new HealthOptions { Deep = true }, default);
        Assert.False(health.Healthy);
        Assert.Equal(
            [
                (FindingCode.SlotUncovered, "100", "Repair-RedisCluster -Slot 100"),
                (FindingCode.SlotOpen, "5519", "Complete-RedisSlotMigration -Slot 5519"),
                (FindingCode.MemoryPressure, full, "Get-RedisClusterNode -Node " + full + " | Format-List"),
            ],
            health.Findings.Select(finding => (finding.Code, finding.Target, finding.Advice)));

        // Each node's own view says so as well.
        var info = await redis.GetInfoAsync(default);
        Assert.Equal(4, info.Views.Count);
        Assert.All(info.Views, view => Assert.Equal((HashSlot.Count - 1, "ok"), (view.SlotsAssigned, view.State)));
    }

    // Only the masters' own words tell of it: the other is frozen, so that it can't settle the matter.
    [Fact]
    public async Task Two_masters_with_one_epoch_are_found()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 3, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
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

            using var redis = new RedisCluster(new RedisClusterSession([changed.Endpoint], new Protocol.ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(700) }));
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
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "RedisClusterOps.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests are not inside the repository.");
        var text = File.ReadAllText(Path.Combine(folder, "docs", "health.md"));
        var findings = text.Split("## Every finding")[1];
        Assert.All(Enum.GetNames<FindingCode>(), name => Assert.Contains("\n| `" + name + "` | ", findings));
        Assert.All(Enum.GetNames<AlertCode>(), name => Assert.Contains("`" + name + "`", text.Split("## Every alert")[1]));
    }
}
