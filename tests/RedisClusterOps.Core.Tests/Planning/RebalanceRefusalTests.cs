using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;
using Xunit;
using static RedisClusterOps.Core.Tests.Planning.RebalancePlannerTests;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>What can not be planned is refused with its reason.</summary>
public sealed class RebalanceRefusalTests
{
    [Fact]
    public void A_master_is_not_excluded_and_weighted()
    {
        var refusal = Assert.Throws<RedisOperationException>(() =>
            Uneven.Plan(Weights(("10.0.0.1:6379", 0)) with { Exclude = ["10.0.0.1:6379"] }));
        Assert.Equal(FailureCode.InvalidArgument, refusal.Code);
        Assert.Throws<RedisOperationException>(() => Uneven.Plan(new RebalanceOptions { Exclude = ["10.0.0.1:6379", "10.0.0.2:6379"] }));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(1e300)]
    [InlineData(1e-300)]
    public void An_invalid_weight_is_refused_with_its_node(double weight)
    {
        var refusal = Refusal(() => Uneven.Plan(Weights(("10.0.0.2:6379", weight))));
        Assert.Equal((FailureCode.InvalidArgument, "10.0.0.2:6379"), (refusal.Code, refusal.Subject));
        Assert.Contains("'10.0.0.2:6379'", refusal.Message);
    }

    [Fact]
    public void A_weight_for_no_node_for_several_or_for_a_replica_is_refused()
    {
        var cluster = new PlannedCluster(Uneven.OwnerOfSlot, 2) { Replicas = 1 };
        Assert.Equal(FailureCode.NodeNotFound, Refusal(() => cluster.Plan(Weights(("10.9.9.9:6379", 1)))).Code);
        Assert.Equal(FailureCode.AmbiguousNode, Refusal(() => cluster.Plan(Weights(("cccc", 1)))).Code);
        var replica = Refusal(() => cluster.Plan(Weights(("10.0.0.3:6379", 1))));
        Assert.Equal(FailureCode.InvalidArgument, replica.Code);
        Assert.Contains("is a replica of 10.0.0.1:6379", replica.Message);
        var twice = Refusal(() => cluster.Plan(Weights(("10.0.0.1:6379", 1), (PlannedCluster.Id(0), 2))));
        Assert.Contains("the same node, 10.0.0.1:6379", twice.Message);
        Assert.Contains("Every master has weight 0",
            Refusal(() => cluster.Plan(Weights(("10.0.0.1:6379", 0), ("10.0.0.2:6379", 0)))).Message);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(100.1)]
    [InlineData(double.NaN)]
    public void A_threshold_outside_0_to_100_is_refused(double threshold) =>
        Assert.Equal(FailureCode.InvalidArgument, Refusal(() => Uneven.Plan(new RebalanceOptions { Threshold = threshold })).Code);

    [Fact]
    public void Unowned_slots_must_be_assigned_first()
    {
        var refusal = Refusal(() =>
            new PlannedCluster(Uneven.OwnerOfSlot.Select((owner, slot) => slot is 7 or 8 ? -1 : owner).ToList(), 2).Plan());
        Assert.Equal((FailureCode.SlotStateUnsuitable, "Repair-RedisCluster"), (refusal.Code, refusal.NextStep()));
        Assert.Contains("Slots 7-8 have no owner", refusal.Message);
    }

    [Fact]
    public void Contested_slots_must_be_repaired_first()
    {
        var view = ClusterScene.Stable().Claims("T", "5519").View();
        var refusal = Refusal(() =>
            RebalancePlanner.Plan(view, new RebalanceOptions(), SlotCounts.None, MoveMethod.Auto, PlannedCluster.Session));
        Assert.Equal((FailureCode.SlotStateUnsuitable, "5519", "Repair-RedisCluster"), (refusal.Code, refusal.Subject, refusal.NextStep()));
    }

    [Fact]
    public void An_open_slot_of_the_plan_must_be_closed_first()
    {
        var refusal = Refusal(() => Opened(Uneven, 5).Plan());
        Assert.Equal((FailureCode.SlotStateUnsuitable, "5", "Complete-RedisSlotMigration -Slot 5"),
            (refusal.Code, refusal.Subject, refusal.NextStep()));
        Assert.Equal("Repair-RedisCluster", Refusal(() => Opened(Uneven, 5, 9).Plan()).NextStep());
    }

    [Fact]
    public void Uncounted_loads_can_not_be_evened_out()
    {
        var untold = new PlannedCluster(Uneven.OwnerOfSlot, 2) { Bytes = _ => null };
        Assert.Equal(FailureCode.PermissionDenied, Refusal(() => untold.Plan(new RebalanceOptions { By = RebalanceMeasure.Memory })).Code);
        Assert.Null(untold.Plan().Moves[0].EstimatedBytes);
        var absent = new PlannedCluster(Uneven.OwnerOfSlot, 2) { Down = [0], Keys = slot => slot < 10000 ? null : 1 };
        Assert.Equal(FailureCode.NodeUnreachable, Refusal(() => absent.Plan(new RebalanceOptions { By = RebalanceMeasure.Keys })).Code);
    }
}
