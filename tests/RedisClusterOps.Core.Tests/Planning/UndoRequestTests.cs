using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>An undo returns a slot to the master that it came from, or refuses. It never picks another master.</summary>
public sealed class UndoRequestTests
{
    // S handed over its last slot, and became a replica of X, which never had slot 5519.
    private static ClusterScene Drained() =>
        ClusterScene.Stable().Master("R", epoch: 4).BecameReplica("S", of: "X").Claims("T", "5519").BelievedToOwn("T", "5519");

    [Fact]
    public void A_slot_does_not_return_to_the_master_that_its_former_owner_replicates_now()
    {
        var refused = Assert.Throws<RedisOperationException>(() => Plan(Drained(), None));
        Assert.Equal((FailureCode.SlotStateUnsuitable, NextActionCode.Undo), (refused.Code, refused.Next?.Code));
        Assert.Contains("Slot 5519 can't go to " + Name("S") + ", which is a replica of " + Name("X") + " now", refused.Message);
        Assert.Contains("It stays on " + Name("T") + ". Nothing was changed.", refused.Message);
        Assert.Contains("CLUSTER RESET SOFT and CLUSTER MEET", refused.Next?.Note);
    }

    [Fact]
    public void A_slot_of_another_master_is_not_taken_for_returned()
    {
        var scene = ClusterScene.Stable().BecameReplica("S", of: "X").Claims("X", "5519,8192-16383").BelievedToOwn("X", "5519,8192-16383");
        var stale = Assert.Throws<RedisOperationException>(() => Plan(scene, None));
        Assert.Equal(FailureCode.StalePlan, stale.Code);
    }

    [Fact]
    public void A_slot_returns_to_the_replica_that_took_the_place_of_its_former_owner()
    {
        var scene = ClusterScene.Stable().Master("R", epoch: 4).BecameReplica("S", of: "R").Claims("T", "5519").BelievedToOwn("T", "5519");
        var plan = Plan(scene, new Dictionary<string, string> { [ClusterScene.Id("R")] = ClusterScene.Id("S") });
        Assert.Equal(ClusterScene.Id("R"), plan.OwnerAtEnd);
        Assert.NotEmpty(plan.Actions);
    }

    [Fact]
    public void A_forgotten_owner_is_replaced_by_the_only_one_of_its_replicas_that_is_a_master()
    {
        var then = new Dictionary<string, string> { [ClusterScene.Id("T")] = "gone", [ClusterScene.Id("S")] = "other" };
        Assert.Equal(ClusterScene.Id("T"), ClusterScene.Stable().View().SuccessorOf("gone", then)?.Id);
        then[ClusterScene.Id("X")] = "gone";
        Assert.Null(ClusterScene.Stable().View().SuccessorOf("gone", then));
    }

    private static readonly Dictionary<string, string> None = [];

    private static SlotPlan Plan(ClusterScene scene, IReadOnlyDictionary<string, string> masterOfReplica)
    {
        var ends = new MigrationEnds(ClusterScene.Id("S"), "S", ClusterScene.Id("T"), "T") { MasterOfReplica = masterOfReplica };
        var session = RedisClusterSession.Parse("10.0.0.1:6379");
        return new UndoRequest(ClusterScene.Slot, session, new MoveOptions(), ends, UndoStrategy.RoundTrip, AllowUnreachableNode: false)
            .Plan(scene.Situation());
    }

    private static string Name(string node) => Drained().View().Nodes.Single(one => one.Id == ClusterScene.Id(node)).Name;
}
