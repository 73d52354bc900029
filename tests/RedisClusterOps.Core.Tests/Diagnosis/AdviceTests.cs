using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>
/// Every reported problem has a command that exists as its next step.
/// A new state or finding fails here until it has a scene, and so its advice.
/// </summary>
public class AdviceTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    private static readonly Dictionary<RedisOpenSlotState, Func<ClusterScene>> States = new()
    {
        [RedisOpenSlotState.ImportingOnly] = () => ClusterScene.Stable().Importing("T", "S"),
        [RedisOpenSlotState.MigratingOnly] = () => ClusterScene.Stable().Migrating("S", "T"),
        [RedisOpenSlotState.Migrating] = ClusterScene.Wedged,
        [RedisOpenSlotState.Drained] = () => ClusterScene.Wedged().Keys("S", 0),
        [RedisOpenSlotState.FinishedOnTarget] = () => ClusterScene.Wedged().Claims("T", "5519").Keys("S", 0),
        [RedisOpenSlotState.FinishedOnSource] = () => FinishedOnSource(keys: 0),
        [RedisOpenSlotState.SourceFailedOver] = () => ClusterScene.Wedged()
            .Master("N", 9, "0-8191")
            .BecameReplica("S", of: "N")
            .Keys("N", 100),
        [RedisOpenSlotState.TargetFailedOver] = () => ClusterScene.Stable()
            .Migrating("S", "T")
            .Master("N", 9)
            .BecameReplica("T", of: "N")
            .Keys("N", 50),
        [RedisOpenSlotState.StrayKeys] = () => ClusterScene.Stable().Importing("T", "S").Keys("T", 3),
        [RedisOpenSlotState.ClaimedWithoutEpoch] = () => ClusterScene.Stable().Claims("T", "5519"),
        [RedisOpenSlotState.Unowned] = () => ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191"),
        [RedisOpenSlotState.Tangled] = () => ClusterScene.Wedged().Importing("X", "S"),
        [RedisOpenSlotState.Atomic] = () => ClusterScene.Stable().Task(
            "T",
            new AtomicTask(SlotSet.From([ClusterScene.Slot]), ClusterScene.Id("S"), ClusterScene.Id("T"), "snapshot")),
    };

    [Fact]
    public void Every_state_has_a_scene_here() => Assert.Equal(Enum.GetValues<RedisOpenSlotState>(), States.Keys.Order());

    [Fact]
    public void Every_finding_has_a_scene() => Assert.Equal(Enum.GetValues<FindingCode>(), HealthScenes.Scenes.Keys.Order());

    [Theory]
    [MemberData(nameof(EveryState))]
    public void A_state_says_what_clients_see_and_names_a_cmdlet_for_its_slot(RedisOpenSlotState state)
    {
        var described = SlotAdvice.Describe(States[state]().Diagnose()!, Session);
        Assert.Equal(state, described.State);
        ExportedCmdlets.AssertBegins(NextActionText.Of(described.Next!), state.ToString());
        Assert.Equal("5519", described.Next!.Slots);
        Assert.NotEmpty(described.ClientsSee);
        // Only of a tangle nothing certain can be said; then there are details instead.
        Assert.Equal(state == RedisOpenSlotState.Tangled, described.ClientsSee.Contains("not certain"));
        if (state == RedisOpenSlotState.Tangled)
            Assert.NotNull(described.Detail);
    }

    [Theory]
    [MemberData(nameof(EveryState))]
    public void A_state_that_can_be_completed_advises_that_and_the_planner_agrees(RedisOpenSlotState state)
    {
        var diagnosis = States[state]().Diagnose()!;
        var advised = SlotAdvice.NextOf(diagnosis).Code == NextActionCode.Complete;
        Assert.Equal(SlotAdvice.CanComplete(state), advised);
        var request = new CompleteRequest(diagnosis.Slot, Session, new MoveOptions());
        if (advised)
            Assert.NotEmpty(request.Plan(diagnosis.Situation).Commands);
        else
            AssertRefused(() => request.Plan(diagnosis.Situation), state.ToString());
    }

    [Theory]
    [MemberData(nameof(EveryState))]
    public void What_can_not_be_completed_is_repaired_but_for_what_the_servers_do_themselves(RedisOpenSlotState state)
    {
        if (SlotAdvice.CanComplete(state))
            return;
        var diagnosis = States[state]().Diagnose()!;
        if (state == RedisOpenSlotState.Atomic)
        {
            Assert.Equal("Get-RedisOpenSlot -Slot 5519", NextActionText.Of(SlotAdvice.NextOf(diagnosis)));
            AssertRefused(() => Repair(diagnosis), state.ToString());
            return;
        }

        Assert.Equal("Repair-RedisCluster -Slot 5519", NextActionText.Of(SlotAdvice.NextOf(diagnosis)));
        // Where it is not done at once, the refusal says what else to do: never the same again.
        try
        {
            Assert.NotEmpty(Repair(diagnosis).Commands);
        }
        catch (RedisOperationException refusal)
        {
            Assert.NotEqual("Repair-RedisCluster -Slot 5519", refusal.NextStep());
            ExportedCmdlets.AssertBegins(refusal.NextStep(), state.ToString());
        }
    }

    [Theory]
    [MemberData(nameof(EveryState))]
    public void A_state_with_an_end_that_is_away_still_names_a_cmdlet(RedisOpenSlotState state)
    {
        foreach (var away in new[] { "S", "T", "X" })
        {
            if (States[state]().Down(away).Diagnose() is not { } diagnosis)
                continue;
            var described = SlotAdvice.Describe(diagnosis, Session);
            var where = state + " without " + away;
            ExportedCmdlets.AssertBegins(NextActionText.Of(described.Next!), where);
            Assert.NotEmpty(described.ClientsSee);
            if (diagnosis.Source is { IsReachable: false } || diagnosis.Target is { IsReachable: false })
                AssertRefused(() => new CompleteRequest(diagnosis.Slot, Session, new MoveOptions()).Plan(diagnosis.Situation), where);
        }
    }

    [Theory]
    [MemberData(nameof(EveryState))]
    public void Moving_keys_is_planned_where_both_ends_are_open_and_refused_with_a_cmdlet_elsewhere(RedisOpenSlotState state)
    {
        var diagnosis = States[state]().Diagnose()!;
        if (state is RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained)
            Assert.NotEmpty(new KeyMoveRequest(diagnosis.Slot, Session, new MoveOptions()).Plan(diagnosis.Situation).Commands);
        else
            AssertRefused(() => new KeyMoveRequest(diagnosis.Slot, Session, new MoveOptions()).Plan(diagnosis.Situation), state.ToString());
    }

    [Fact]
    public void Keys_left_on_a_source_that_handed_the_slot_over_are_inspected_first() => AssertRefused(
        () => new CompleteRequest(ClusterScene.Slot, Session, new MoveOptions()).Plan(FinishedOnSource(keys: 4).Situation()),
        "FinishedOnSource with keys");

    [Theory]
    [MemberData(nameof(EveryFinding))]
    public void A_finding_names_a_cmdlet(FindingCode code)
    {
        var health = HealthScenes.Scenes[code]();
        Assert.Contains(health.Findings, finding => finding.Code == code);
        foreach (var finding in health.Findings)
        {
            ExportedCmdlets.AssertBegins(NextActionText.Of(finding.Next!), finding.ToString());
            Assert.NotEmpty(finding.Target);
            Assert.NotEmpty(finding.Message);
        }
    }

    public static TheoryData<RedisOpenSlotState> EveryState() => [.. Enum.GetValues<RedisOpenSlotState>()];

    public static TheoryData<FindingCode> EveryFinding() => [.. Enum.GetValues<FindingCode>()];

    private static SlotPlan Repair(SlotDiagnosis diagnosis) =>
        new RepairRequest(diagnosis.Slot, Session, new MoveOptions(), new RepairOptions()).Plan(diagnosis.Situation);

    private static ClusterScene FinishedOnSource(long keys) => ClusterScene.Stable()
        .Claims("S", "0-5518,5520-8191")
        .Believes("S", "T", "5519")
        .Importing("T", "S")
        .Keys("S", keys);

    private static void AssertRefused(Action plan, string where) =>
        ExportedCmdlets.AssertBegins(Assert.Throws<RedisOperationException>(plan).NextStep(), where);
}
