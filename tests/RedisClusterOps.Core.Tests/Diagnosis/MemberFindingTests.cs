using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>Members and addresses are compared between the views, and each difference is one finding with its cure.</summary>
public class MemberFindingTests
{
    private const string S = "10.0.0.19:6379";
    private const string T = "10.0.0.20:6379";
    private const string X = "10.0.0.24:6379";

    [Fact]
    public void A_node_that_some_views_do_not_know_is_met_again()
    {
        var finding = Of(ClusterScene.Stable().Forgot("X", "T"), FindingCode.NodeNotKnownToAll);
        Assert.Equal(T, finding.Target);
        Assert.StartsWith(X + " does not list this node. " + S + " does.", finding.Message);
        Assert.Equal("Add-RedisClusterNode -Endpoint 10.0.0.20:6379", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Nodes_that_the_same_views_do_not_know_are_one_finding()
    {
        var finding = Of(ClusterScene.Stable().Forgot("X", "T").Forgot("X", "S"), FindingCode.NodeNotKnownToAll);
        Assert.Equal(S + "," + T, finding.Target);
        Assert.Contains("these nodes", finding.Message);
    }

    [Fact]
    public void A_dead_node_that_was_forgotten_by_some_is_forgotten_by_the_others()
    {
        var finding = Of(ClusterScene.Stable().Down("T").Forgot("X", "T"), FindingCode.NodeNotKnownToAll);
        Assert.Contains("not forgotten everywhere", finding.Message);
        Assert.Equal("Remove-RedisClusterNode -Node " + ClusterScene.Id("T"), NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void A_node_at_two_addresses_says_which_nodes_list_which()
    {
        var finding = Of(ClusterScene.Stable().ListsAt("X", "T", "10.0.9.9"), FindingCode.AddressConflict);
        Assert.Equal(T, finding.Target);
        Assert.Contains(S + ", " + T + " list it at " + T, finding.Message);
        Assert.Contains(X + " lists it at 10.0.9.9:6379", finding.Message);
        Assert.Equal("Add-RedisClusterNode -Endpoint 10.0.0.20:6379", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Flags_of_a_replica_alone_are_found_and_cleared_by_its_master()
    {
        var scene = HealthScenes.FlaggedReplica();
        var finding = Of(scene, FindingCode.ReplicaFlags);
        Assert.Equal("Repair-RedisCluster -Slot 5519", NextActionText.Of(finding.Next!));
        var repair = new RepairRequest(ClusterScene.Slot, RedisClusterSession.Parse(S), new MoveOptions(), new RepairOptions());
        var command = Assert.Single(repair.Plan(scene.Situation()).Commands);
        Assert.Equal((S, "CLUSTER SETSLOT 5519 STABLE"), (command.Node, command.Command));
    }

    [Fact]
    public void Flags_that_the_master_has_too_are_no_finding() => Assert.DoesNotContain(
        HealthScenes.FlaggedReplica().Migrating("S", "T").Importing("T", "S").Check().Findings,
        finding => finding.Code == FindingCode.ReplicaFlags);

    private static RedisClusterFinding Of(ClusterScene scene, FindingCode code) =>
        Assert.Single(scene.Check().Findings, finding => finding.Code == code);
}
