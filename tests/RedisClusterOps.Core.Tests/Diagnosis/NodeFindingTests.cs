using System.Linq;
using Xunit;
using static RedisClusterOps.Core.Tests.Diagnosis.HealthScenes;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>What a check finds about nodes: the right code, severity and target, and what to run.</summary>
public class NodeFindingTests
{
    [Fact]
    public void NodeUnreachable_has_the_reason()
    {
        var finding = Only(FindingCode.NodeUnreachable, FindingSeverity.Error, T);
        Assert.Contains("connection refused", finding.Message);
        Assert.StartsWith("Connect-RedisCluster -AddressMap", NextActionText.Of(finding.Next!));
    }

    [Theory]
    [InlineData(FindingCode.NodeBusy, "Invoke-RedisClusterCommand SCRIPT KILL -Node 10.0.0.19:6379")]
    [InlineData(FindingCode.NodeLoading, "wait until it has loaded")]
    [InlineData(FindingCode.AuthenticationFailed, "CONFIG SET requirepass")]
    [InlineData(FindingCode.TooManyClients, "raise maxclients")]
    public void A_node_that_refuses_us_is_alive_and_its_slots_are_covered(FindingCode code, string cure)
    {
        var finding = Only(code, FindingSeverity.Error, S);
        Assert.Contains("is alive, but", finding.Message);
        Assert.Contains("8192 slots", finding.Message);
        Assert.Contains(cure, NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Nodes_that_only_this_machine_can_not_reach_are_one_finding_and_nothing_is_uncovered()
    {
        var health = ClusterScene.Stable()
            .In("S", RedisNodeState.Unreachable, "no answer").In("X", RedisNodeState.Unreachable, "no answer").Check();
        var finding = Assert.Single(health.Findings);
        Assert.Equal((FindingCode.NodeUnreachable, S + "," + X), (finding.Code, finding.Target));
        Assert.Contains("16384 slots", finding.Message);
    }

    [Fact]
    public void NodeFail_has_the_number_of_unreachable_slots_which_are_uncovered_too()
    {
        var health = Scenes[FindingCode.NodeFail]();
        Assert.Contains("8192 slots", Of(health, FindingCode.NodeFail, FindingSeverity.Error, X).Message);
        Assert.Contains(X, Of(health, FindingCode.SlotUncovered, FindingSeverity.Error, "8192-16383").Message);
        Of(health, FindingCode.NodeUnreachable, FindingSeverity.Error, X);
        Assert.Equal(3, health.Findings.Count);
    }

    [Fact]
    public void NodeFail_of_a_node_without_slots_threatens_none()
    {
        var health = ClusterScene.Stable().Down("T").Check();
        Assert.DoesNotContain("slots", Of(health, FindingCode.NodeFail, FindingSeverity.Error, T).Message);
        Assert.DoesNotContain(health.Findings, finding => finding.Code == FindingCode.SlotUncovered);
    }

    [Fact]
    public void NodePFail_is_a_warning() =>
        Assert.Contains("not marked it as failed", Only(FindingCode.NodePFail, FindingSeverity.Warning, T).Message);

    [Fact]
    public void NodeHandshake_is_a_warning_and_such_a_node_is_not_reported_as_unreachable() =>
        Assert.Contains("bus port", Only(FindingCode.NodeHandshake, FindingSeverity.Warning, T).Message);

    [Fact]
    public void NodeNoAddress_names_the_node_by_its_id()
    {
        var finding = Only(FindingCode.NodeNoAddress, FindingSeverity.Warning, ClusterScene.Id("T"));
        Assert.Contains("nodes still list it", finding.Message);
        Assert.Contains("Add-RedisClusterNode -Endpoint <its host:port>", NextActionText.Of(finding.Next!));
        Assert.Contains("Remove-RedisClusterNode -Node " + ClusterScene.Id("T"), NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void ReplicaLinkDown_is_an_error() =>
        Assert.Contains("lost the link", Only(FindingCode.ReplicaLinkDown, FindingSeverity.Error, R).Message);

    [Fact]
    public void ReplicaLag_has_the_bytes_that_a_failover_would_lose() =>
        Assert.Contains("20 MB behind", Only(FindingCode.ReplicaLag, FindingSeverity.Warning, R).Message);

    [Theory]
    [InlineData(10485760, false)]
    [InlineData(10485761, true)]
    public void Ten_megabytes_of_lag_are_tolerated(long lag, bool found)
    {
        var health = WithReplica("master_link_status:up\nslave_repl_offset:" + (20971521 - lag)).Check();
        Assert.Equal(found, health.Findings.Any(finding => finding.Code == FindingCode.ReplicaLag));
    }

    [Fact]
    public void TooFewReplicas_names_the_master_that_owns_slots_and_has_none()
    {
        var finding = Only(FindingCode.TooFewReplicas, FindingSeverity.Warning, X);
        Assert.StartsWith("The master has 0 replicas, fewer than the required 1. ", finding.Message);
    }

    [Fact]
    public void ReplicaOnMasterHost_names_the_replica_and_needs_a_second_host()
    {
        Assert.Contains("both fail", Only(FindingCode.ReplicaOnMasterHost, FindingSeverity.Warning, R).Message);
        Assert.Empty(OnHosts("10.0.0.19", "10.0.0.19").Findings);
    }

    [Fact]
    public void A_node_in_handshake_has_no_role_and_a_replica_has_the_address_of_its_master()
    {
        var nodes = WithReplica("master_link_status:up").In("T", RedisNodeState.Handshake, "it was not asked").Check().Nodes;
        Assert.Null(nodes.Single(node => node.Endpoint == T).Role);
        Assert.Equal(S, nodes.Single(node => node.Endpoint == R).Master);
        Assert.Null(nodes.Single(node => node.Endpoint == S).Master);
    }

    [Fact]
    public void MemoryPressure_has_the_used_and_the_allowed_memory() => Only(FindingCode.MemoryPressure, FindingSeverity.Warning, S);

    [Theory]
    [InlineData(80, 100, null)]
    [InlineData(81, 100, FindingSeverity.Warning)]
    [InlineData(95, 100, FindingSeverity.Warning)]
    [InlineData(96, 100, FindingSeverity.Error)]
    [InlineData(96, 0, null)]
    public void MemoryPressure_begins_above_80_percent_of_a_limit_and_is_an_error_above_95(
        long used, long most, FindingSeverity? severity)
    {
        var memory = "redis_version:7.0.15\nused_memory:" + used + "\nmaxmemory:" + most;
        var findings = ClusterScene.Stable().Reports("S", memory).Check().Findings;
        Assert.Equal(severity, findings.SingleOrDefault(finding => finding.Code == FindingCode.MemoryPressure)?.Severity);
    }

    [Fact]
    public void CpuPressure_reports_the_share_of_the_core() =>
        Assert.Contains("97 % of a core", Only(FindingCode.CpuPressure, FindingSeverity.Warning, S).Message);

    [Theory]
    [InlineData(90.0, false)]
    [InlineData(90.1, true)]
    public void CpuPressure_begins_above_90_percent(double percent, bool found) =>
        Assert.Equal(found, ClusterScene.Stable().Reports("S", cpu: percent).Check().Findings.Count == 1);
}
