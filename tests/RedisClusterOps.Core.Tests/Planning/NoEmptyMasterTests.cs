using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A rebalance that was to use masters without slots says what became of them.</summary>
public class NoEmptyMasterTests
{
    [Fact]
    public void Without_a_spare_another_node_can_be_added()
    {
        var finding = RebalancePlanner.NoEmptyMaster(ClusterScene.Stable().View(), []);
        Assert.Equal((PlanFindingCode.NoEmptyMaster, FindingSeverity.Information), (finding.Code, finding.Severity));
        Assert.Equal("No master is without slots, so none was added.", finding.Message);
        Assert.Equal("Add-RedisClusterNode -Endpoint <host:port of an empty node>", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void A_former_master_is_named_and_its_reset_makes_it_a_spare_again()
    {
        var view = ClusterScene.Stable().Replica("R", of: "S").View();
        var finding = RebalancePlanner.NoEmptyMaster(view, [view.Node(ClusterScene.Id("R"))!]);
        Assert.Equal(FindingSeverity.Warning, finding.Severity);
        Assert.Contains("from or to 10.0.0.18:6379, a replica of 10.0.0.19:6379 now.", finding.Message);
        Assert.StartsWith("Remove-RedisClusterNode -Node 10.0.0.18:6379 -Reset ", NextActionText.Of(finding.Next!));
    }
}
