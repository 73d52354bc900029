using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>A node is dead only if it gave no answer and a majority of the masters with slots reports it as failed.</summary>
public class NodeVerdictTests
{
    // S, X and U own a third each; T owns nothing.
    private static ClusterScene Three() => new ClusterScene()
        .Master("S", epoch: 1, "0-5519").Master("X", epoch: 2, "5520-10999").Master("U", epoch: 4, "11000-16383").Master("T", epoch: 3)
        .Keys("S", 0).Keys("X", 0).Keys("U", 0).Keys("T", 0);

    [Fact]
    public void A_silent_node_that_the_other_masters_report_as_failed_is_dead()
    {
        var verdict = Of(Three().Down("S"), "S");
        Assert.Equal(NodeCondition.Dead, verdict.Condition);
        Assert.Contains("2 of 3 masters with slots report it as failed", verdict.Reason);
    }

    [Fact]
    public void A_master_that_only_one_view_calls_failed_is_not_dead()
    {
        // Only U could be read, and it can't have a majority.
        var scene = Three().Down("S").Down("X");
        foreach (var lost in new[] { "S", "X" })
            Assert.Equal(NodeCondition.Suspected, Of(scene, lost).Condition);
    }

    [Fact]
    public void A_master_that_may_have_failed_is_not_dead()
    {
        var scene = Three().Down("S").Flags("X", "S", NodeFlags.PFail).Flags("U", "S", NodeFlags.PFail).Flags("T", "S", NodeFlags.PFail);
        Assert.Equal(NodeCondition.Suspected, Of(scene, "S").Condition);
    }

    [Fact]
    public void The_report_of_a_master_without_slots_does_not_count()
    {
        var scene = Three().Down("S").Flags("X", "S", NodeFlags.PFail);
        var verdict = Of(scene, "S");
        Assert.Equal(NodeCondition.Suspected, verdict.Condition);
        Assert.Contains("only 1 of 3 masters", verdict.Reason);
    }

    [Fact]
    public void A_node_that_answered_anything_is_alive_even_if_it_is_reported_as_failed()
    {
        var scene = Three().Refuses("S", FailureCode.NodeBusy, "BUSY").In("S", RedisNodeState.Fail, "BUSY");
        Assert.Equal(NodeCondition.Refusing, Of(scene, "S").Condition);
    }

    [Fact]
    public void A_master_that_has_forgotten_the_dead_node_does_not_report_it_as_alive() =>
        Assert.True(Of(Three().Down("S").Forgot("U", "S"), "S").IsDead);

    [Fact]
    public void A_node_that_the_cluster_reaches_is_only_unreachable_from_here()
    {
        var verdict = Of(Three().In("S", RedisNodeState.Unreachable, "no answer"), "S");
        Assert.Equal(NodeCondition.UnreachableFromHere, verdict.Condition);
        Assert.Contains("-AddressMap", NextActionText.Of(verdict.Cure));
    }

    [Fact]
    public void A_dead_master_with_a_replica_is_taken_over_before_anything_else()
    {
        var scene = Three().Replica("R", of: "S").Reports("R", "redis_version:7.0.15\nslave_repl_offset:9", keys: 41)
            .Replica("Q", of: "S").Reports("Q", "redis_version:7.0.15\nslave_repl_offset:0", keys: 0).Down("S");
        var verdict = Of(scene, "S");
        Assert.Equal(ClusterScene.Id("R"), verdict.Successor?.Id);
        var next = NextActionText.Of(verdict.Refused("Slot 1 can't be repaired", new NextAction(NextActionCode.Repair)).Next!);
        Assert.StartsWith("Invoke-RedisClusterFailover -Node 10.0.0.18:6379 -Mode Force", next);
        Assert.Contains("holds 41 keys", next);
        Assert.DoesNotContain("Repair", next);
    }

    [Theory]
    [InlineData(FailureCode.NodeBusy, "BUSY a script")]
    [InlineData(FailureCode.AuthenticationFailed, "NOAUTH Authentication required.")]
    [InlineData(FailureCode.NodeLoading, "LOADING")]
    [InlineData(FailureCode.TooManyClients, "ERR max number of clients reached")]
    public void The_switch_is_refused_for_a_master_that_answers(FailureCode code, string error)
    {
        var scene = Three().Refuses("S", code, error);
        var repair = new RepairRequest(
            ClusterScene.Slot, RedisClusterSession.Parse("10.0.0.1:6379"), new MoveOptions(),
            new RepairOptions { AllowUnreachableNode = true });
        var refusal = Assert.Throws<RedisOperationException>(() => repair.Plan(scene.Situation()));
        Assert.Equal((code, false), (refusal.Code, refusal.ConcernsWholeCluster));
        Assert.DoesNotContain("-AllowUnreachableNode", refusal.NextStep() ?? string.Empty);
        Assert.Empty(RepairScope.Of(scene.View(), repair.Repair, new Dictionary<string, SlotSet>()));
        var refused = Assert.Single(
            RepairScope.UnreachableOwners(scene.View(), repair.Repair, [], repair.Session, repair.Options).ToList());
        Assert.Equal(code, refused.Refusal?.Code);
        // The result of the refusal names all of them.
        Assert.Equal(scene.View().SlotsOf(ClusterScene.Id("S")).Slots, refused.Slots);
    }

    private static NodeVerdict Of(ClusterScene scene, string name)
    {
        var view = scene.View();
        return NodeVerdict.Of(view, view.Node(ClusterScene.Id(name))!);
    }
}
