using System;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>Slots that a person names, or a number of them, and the one master that they go to.</summary>
public sealed class SlotSelectionPlannerTests
{
    private const string A = "10.0.0.1:6379";
    private const string B = "10.0.0.2:6379";
    private const string C = "10.0.0.3:6379";

    // A has 0-5999, B 6000-15999, C the rest.
    private static readonly PlannedCluster Cluster = PlannedCluster.Runs(6000, 10000, 384);

    [Fact]
    public void Named_slots_come_from_their_owners_and_those_of_the_target_stay()
    {
        var plan = Cluster.Plan(new SlotSelection { Slots = [6000, 5, 3, 4, 16383, 5], Target = C });
        Assert.Equal(["3 slots from " + A + " to " + C + ": 3-5", "1 slot from " + B + " to " + C + ": 6000"],
            plan.Moves.Select(move => move.ToString()));
        Assert.Equal(("Move", null, 3), (plan.Operation, plan.Options, plan.Moves[0].EstimatedKeys));
        Assert.Equal([5997, 9999, 388], plan.After.Select(share => share.SlotCount));
        Assert.Empty(Cluster.After(plan).Plan(new SlotSelection { Slots = [3, 4, 5], Target = C }).Moves);
    }

    [Fact]
    public void A_named_slot_that_none_of_the_sources_owns_is_refused()
    {
        var refusal = Refusal(new SlotSelection { Slots = [5, 6000], Sources = [A], Target = C });
        Assert.Equal((FailureCode.SlotNotOwned, "6000"), (refusal.Code, refusal.Subject));
        Assert.Contains("belongs to " + B + ", not to " + A, refusal.Message);
        Assert.Single(Cluster.Plan(new SlotSelection { Slots = [5, 16383], Sources = [A], Target = C }).Moves);
    }

    [Fact]
    public void A_slot_without_an_owner_is_refused_and_others_can_move()
    {
        var cluster = new PlannedCluster(Cluster.OwnerOfSlot.Select((owner, slot) => slot == 7 ? -1 : owner).ToList(), 3);
        var refusal = Refusal(cluster, new SlotSelection { Slots = [7], Target = C });
        Assert.Equal((FailureCode.SlotNotOwned, "7", "Repair-RedisCluster -Slot 7"), (refusal.Code, refusal.Subject, refusal.NextStep()));
        Assert.Equal(1, cluster.Plan(new SlotSelection { Slots = [8], Target = C }).SlotCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(163)]
    [InlineData(1092)]
    [InlineData(16000)]
    public void A_count_is_taken_from_all_sources_in_proportion(int count)
    {
        var plan = Cluster.Plan(new SlotSelection { Count = count, Sources = ["*"], Target = C });
        Assert.Equal(count, plan.SlotCount);
        foreach (var move in plan.Moves)
            Assert.InRange(move.SlotCount, Math.Floor(count * (move.Source == A ? 6000 : 10000) / 16000.0),
                Math.Ceiling(count * (move.Source == A ? 6000 : 10000) / 16000.0));
        Assert.All(plan.Moves, move => Assert.Equal(move.Source == A ? 0 : 6000, Assert.Single(move.Ranges).First));
    }

    [Fact]
    public void A_count_above_the_available_slots_is_refused_with_their_number()
    {
        var refusal = Refusal(new SlotSelection { Count = 6001, Sources = [A], Target = C });
        Assert.Equal((FailureCode.InvalidArgument, A), (refusal.Code, refusal.Subject));
        Assert.Contains("6001 slots are requested, but " + A + " has 6000.", refusal.Message);
        Assert.Contains("16000 in all", Refusal(new SlotSelection { Count = 16001, Sources = ["*"], Target = C }).Message);
    }

    [Fact]
    public void Without_slots_and_a_count_all_slots_of_the_source_move()
    {
        var plan = Cluster.Plan(new SlotSelection { Sources = [A, PlannedCluster.Id(1)], Target = C });
        Assert.Equal([0, 0, 16384], plan.After.Select(share => share.SlotCount));
        Assert.Empty(Cluster.After(plan).Plan(new SlotSelection { Sources = [A], Target = C }).Moves);
    }

    [Fact]
    public void Contradictory_selections_are_refused()
    {
        foreach (var selection in new[]
                 {
                     new SlotSelection { Target = C }, new SlotSelection { Count = 5, Target = C },
                         new SlotSelection { Slots = [1], Count = 1, Target = C },
                     new SlotSelection { Slots = [16384], Target = C }, new SlotSelection { Slots = [-1], Target = C },
                         new SlotSelection { Count = 0, Sources = ["*"], Target = C },
                     new SlotSelection { Count = 5, Sources = [C], Target = C },
                 })
            Assert.Equal(FailureCode.InvalidArgument, Refusal(selection).Code);
        Assert.Equal(FailureCode.NodeNotFound, Refusal(new SlotSelection { Slots = [1], Target = "10.9.9.9:6379" }).Code);
        Assert.Equal(FailureCode.NodeNotFound, Refusal(new SlotSelection { Slots = [1], Target = string.Empty }).Code);
        Assert.Equal(FailureCode.AmbiguousNode, Refusal(new SlotSelection { Slots = [1], Sources = ["c"], Target = C }).Code);
    }

    [Fact]
    public void A_replica_is_neither_source_nor_target()
    {
        var cluster = new PlannedCluster(Cluster.OwnerOfSlot, 3) { Replicas = 1 };
        Assert.Contains("is a replica of " + A, Refusal(cluster, new SlotSelection { Slots = [6000], Target = "10.0.0.4:6379" }).Message);
        Assert.Contains("is a replica of " + A, Refusal(cluster, new SlotSelection { Sources = ["10.0.0.4:6379"], Target = C }).Message);
    }

    [Fact]
    public void An_unreachable_node_is_neither_source_nor_target()
    {
        var cluster = new PlannedCluster(Cluster.OwnerOfSlot, 3) { Down = [2] };
        Assert.Equal((FailureCode.NodeUnreachable, C), Of(Refusal(cluster, new SlotSelection { Slots = [1], Target = C })));
        Assert.Equal((FailureCode.NodeUnreachable, C), Of(Refusal(cluster, new SlotSelection { Slots = [16383], Target = A })));
        Assert.Equal(1, cluster.Plan(new SlotSelection { Slots = [1], Target = B }).SlotCount);
    }

    [Fact]
    public void An_open_slot_must_be_closed_first()
    {
        var cluster = new PlannedCluster(Cluster.OwnerOfSlot, 3) { Open = [(5, 0, 1, true), (5, 1, 0, false)] };
        Assert.Equal((FailureCode.SlotStateUnsuitable, "5"), Of(Refusal(cluster, new SlotSelection { Slots = [4, 5], Target = C })));
        Assert.Equal(1, cluster.Plan(new SlotSelection { Slots = [4], Target = C }).SlotCount);
    }

    [Fact]
    public void A_slot_that_the_servers_are_moving_must_be_awaited()
    {
        var view = ClusterScene.Stable().Task("S",
            new AtomicTask(SlotSet.From([new SlotRange(5519, 5520)]), ClusterScene.Id("S"), ClusterScene.Id("T"), "snapshot")).View();
        var refusal = Assert.Throws<RedisOperationException>(
            () => SlotSelectionPlanner.Plan(view, new SlotSelection { Slots = [5519], Target = ClusterScene.Id("X") }, SlotCounts.None,
                MoveMethod.Auto, PlannedCluster.Session));
        Assert.Equal((FailureCode.SlotStateUnsuitable, "5519"), Of(refusal));
        Assert.Equal("Get-RedisOpenSlot", refusal.NextStep());
    }

    private static (FailureCode Code, string? Subject) Of(RedisOperationException refusal) => (refusal.Code, refusal.Subject);

    private static RedisOperationException Refusal(SlotSelection selection) => Refusal(Cluster, selection);

    private static RedisOperationException Refusal(PlannedCluster cluster, SlotSelection selection)
    {
        var refusal = Assert.Throws<RedisOperationException>(() => cluster.Plan(selection));
        Assert.False(string.IsNullOrEmpty(refusal.NextStep()));
        return refusal;
    }
}
