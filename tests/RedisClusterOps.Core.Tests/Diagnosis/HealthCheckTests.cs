using System.Linq;
using Xunit;
using static RedisClusterOps.Core.Tests.Diagnosis.HealthScenes;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>What a check reports about the whole cluster, and the order of its findings.</summary>
public class HealthCheckTests
{
    [Fact]
    public void A_healthy_cluster_has_no_finding()
    {
        var health = WithReplica("master_link_status:up").Check();
        Assert.True(health.Healthy);
        Assert.Empty(health.Findings);
        Assert.Empty(health.OpenSlots);
        Assert.Equal(4, health.Nodes.Count);
    }

    [Fact]
    public void EpochCollision_names_both_masters_and_the_epoch()
    {
        var finding = Only(FindingCode.EpochCollision, FindingSeverity.Warning, "10.0.0.21:6379," + X);
        Assert.Contains("config epoch 2", finding.Message);
    }

    [Fact]
    public void A_replica_carries_its_masters_epoch_and_two_fresh_masters_have_none() => Assert.DoesNotContain(
        new ClusterScene().Master("S", 1, "0-16383").Master("T", 0).Master("X", 0).Replica("R", of: "S").Keys("S", 0).Check().Findings,
        finding => finding.Code == FindingCode.EpochCollision);

    [Fact]
    public void ClusterStateFail_names_the_node_whose_view_it_is() =>
        Assert.Contains("CLUSTERDOWN", Only(FindingCode.ClusterStateFail, FindingSeverity.Error, X).Message);

    [Fact]
    public void MixedVersions_is_for_information_and_leaves_the_cluster_healthy()
    {
        var finding = Only(FindingCode.MixedVersions, FindingSeverity.Information, "cluster");
        Assert.Contains("Redis 7.0.15, Redis 8.6.0", finding.Message);
        Assert.True(Scenes[FindingCode.MixedVersions]().Healthy);
    }

    [Fact]
    public void One_warning_or_error_is_enough_to_be_unhealthy()
    {
        foreach (var (code, scene) in Scenes)
        {
            var health = scene();
            var worst = health.Findings.Max(finding => finding.Severity);
            Assert.True(
                health.Healthy == (worst == FindingSeverity.Information),
                code + " is " + worst + ", and the cluster is called " + (health.Healthy ? "healthy" : "unhealthy"));
        }
    }

    [Fact]
    public void The_worst_comes_first()
    {
        var findings = ClusterScene.Wedged().Reports("T", "redis_version:8.6.0").Reports("S", cpu: 99).Check().Findings;
        Assert.Equal([FindingCode.SlotOpen, FindingCode.CpuPressure, FindingCode.MixedVersions], findings.Select(finding => finding.Code));
    }
}
