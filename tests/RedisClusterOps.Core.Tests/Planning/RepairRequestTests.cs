using System.Linq;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>What a repair does with a slot that is tangled, and whose value it keeps where two nodes hold one key.</summary>
public class RepairRequestTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    [Fact]
    public void A_slot_with_an_unreachable_target_stays_open()
    {
        var refusal = Refusal(ClusterScene.Stable().Migrating("S", "T").Importing("X", "S").Keys("X", 0).Down("T"));
        Assert.Equal(FailureCode.NodeUnreachable, refusal.Code);
        Assert.Contains("10.0.0.20:6379", refusal.Message);
        Assert.Contains("-AllowUnreachableNode", refusal.NextStep());
    }

    // The node with keys is no successor of a target that is alive, and the keys on that one would be hidden behind it.
    [Theory]
    [InlineData(FailureCode.NodeBusy, "BUSY Redis is busy running a script.")]
    [InlineData(FailureCode.AuthenticationFailed, "NOAUTH Authentication required.")]
    public void A_slot_whose_target_is_alive_but_refuses_to_be_read_does_not_go_to_another_node_with_keys(FailureCode code, string error)
    {
        var scene = ClusterScene.Stable().Migrating("S", "T").Importing("X", "S").Keys("X", 1).Refuses("T", code, error);
        Assert.Equal(code, Refusal(scene).Code);
    }

    // Without a flag on the source, a master that can't be read may be the target that holds the keys.
    [Fact]
    public void A_slot_that_only_its_target_has_open_is_not_decided_while_a_master_that_is_alive_can_not_be_read()
    {
        var scene = ClusterScene.Stable().Importing("T", "S").Refuses("X", FailureCode.TooManyClients, "ERR max number of clients reached");
        SlotRequest[] requests =
        [
            new CompleteRequest(ClusterScene.Slot, Session, new MoveOptions()),
            new RestartRequest(ClusterScene.Slot, Session, new MoveOptions()),
            new StartRequest(ClusterScene.Slot, Session, new MoveOptions(), new MigrationEnds(
                ClusterScene.Id("S"), "S", ClusterScene.Id("T"), "T")),
            new RepairRequest(ClusterScene.Slot, Session, new MoveOptions(), new RepairOptions { AllowUnreachableNode = true }),
        ];
        Assert.All(requests, request =>
        {
            var refusal = Assert.Throws<RedisOperationException>(() => request.Plan(scene.Situation()));
            Assert.Equal(FailureCode.TooManyClients, refusal.Code);
            Assert.Contains("It is unknown whether slot 5519 has a second target", refusal.Message);
        });
    }

    [Fact]
    public void A_slot_without_an_owner_is_not_assigned_while_no_node_lists_an_end_of_the_run_that_left_it_open()
    {
        var unowned = ClusterScene.Stable().Claims("S", "0-5518,5520-8191").BelievedToOwn("S", "0-5518,5520-8191").Keys("S", 0).Situation();
        var ends = new MigrationEnds(ClusterScene.Id("S"), "10.0.0.19:6379", ClusterScene.Id("G"), "10.0.0.7:6379");
        var repair = Repair(new MoveOptions(), new RepairOptions()) with { LeastLoadedId = ClusterScene.Id("X") };
        Assert.Equal(ClusterScene.Id("X"), repair.Plan(unowned).TargetId);
        var refusal = Assert.Throws<RedisOperationException>(() => (repair with { Recorded = ends }).Plan(unowned));
        Assert.Contains("no node lists 10.0.0.7:6379, which may hold its keys", refusal.Message);
        Assert.StartsWith("Add-RedisClusterNode -Endpoint 10.0.0.7:6379", refusal.NextStep());
        Assert.Equal(ClusterScene.Id("T"), (repair with { Recorded = ends, ChosenOwnerId = ClusterScene.Id("T") }).Plan(unowned).TargetId);
    }

    [Fact]
    public void AllowUnreachableNode_closes_it_with_a_warning()
    {
        var plan = Plan(ClusterScene.Stable().Migrating("S", "T").Importing("X", "S").Keys("X", 0).Down("T"),
            new RepairOptions { AllowUnreachableNode = true });
        Assert.Equal(["StopMigrating", "StopImporting"], plan.Actions.Select(action => action.GetType().Name));
        Assert.Contains(plan.LastingWarnings, lasting => lasting.Contains("read as missing"));
    }

    [Fact]
    public void A_differing_stray_key_is_decided_as_asked()
    {
        foreach (var decided in new[] { KeyConflictAction.Stop, KeyConflictAction.KeepInUse, KeyConflictAction.KeepOther })
        {
            var move = Gathers(ClusterScene.Stable().Importing("T", "S").Keys("T", 3), decided).Single();
            Assert.Equal((decided, false), (move.OnConflict, move.HasSeveralOthers));
        }
    }

    [Fact]
    public void A_stray_key_on_a_third_node_is_never_preferred()
    {
        Assert.Equal(KeyConflictAction.KeepInUse, OfThird(KeyConflictAction.KeepInUse));
        Assert.Equal(KeyConflictAction.Stop, OfThird(KeyConflictAction.KeepOther));
        Assert.Equal(KeyConflictAction.Stop, OfThird(KeyConflictAction.Stop));

        static KeyConflictAction OfThird(KeyConflictAction decided)
        {
            var move = Gathers(ClusterScene.Wedged().Importing("X", "S").Keys("X", 1), decided).Single();
            Assert.True(move.HasSeveralOthers);
            return move.OnConflict;
        }
    }

    [Fact]
    public void Stray_keys_of_several_nodes_never_overwrite_the_owners_value() => Assert.All(
        Gathers(ClusterScene.Stable().Importing("T", "S").Importing("X", "S").Keys("T", 3).Keys("X", 2), KeyConflictAction.KeepOther),
        move => Assert.Equal(KeyConflictAction.Stop, move.OnConflict));

    [Fact]
    public void A_stray_key_on_a_third_node_is_not_preferred_after_the_handover_either()
    {
        var repair = Repair(new MoveOptions { OnKeyConflict = KeyConflictAction.KeepOther }, new RepairOptions());
        var handing = repair.Plan(ClusterScene.Wedged().Keys("X", 2).Situation());
        Assert.True(handing.IsPartial);
        Assert.Equal(KeyConflictAction.KeepOther, handing.Actions.OfType<MoveKeys>().Single().OnConflict);
        var gathering = handing.NextRequest!.Plan(ClusterScene.Stable().Claims("S", "0-5518,5520-8191").Believes("S", "T", "5519")
            .Claims("T", "5519").Believes("X", "T", "5519").Believes("X", "S", "0-5518,5520-8191").Keys("S", 0).Keys("T", 150)
                .Keys("X", 2).Situation());
        Assert.Equal(KeyConflictAction.Stop, gathering.Actions.OfType<MoveKeys>().Single().OnConflict);
    }

    // Only the journal distinguishes it from a migration that has just begun.
    [Fact]
    public void After_stray_keys_were_gathered_only_the_flag_is_cleared()
    {
        var gathered = ClusterScene.Stable().Importing("T", "S").Situation();
        var (owner, holder) = (gathered.View.Node(ClusterScene.Id("S"))!, gathered.View.Node(ClusterScene.Id("T"))!);
        var repair = Repair(new MoveOptions(), new RepairOptions());
        Assert.Equal(holder.Id, repair.Plan(gathered).OwnerAtEnd);
        var plan = (repair with { InterruptedGather = MigrationEnds.Of(holder, owner) }).Plan(gathered);
        Assert.Equal(holder.Id, Assert.IsType<StopImporting>(Assert.Single(plan.Actions)).Node.Id);
        Assert.Equal(owner.Id, plan.OwnerAtEnd);
        // Of other ends it is another story.
        Assert.Equal(holder.Id, (repair with { InterruptedGather = MigrationEnds.Of(owner, holder) }).Plan(gathered).OwnerAtEnd);
    }

    [Fact]
    public void A_gathering_repair_is_recognized_when_it_is_planned_again()
    {
        var plan = Plan(ClusterScene.Stable().Importing("T", "S").Keys("T", 3));
        Assert.Equal(ClusterScene.Id("S"), plan.Request!.Plan(ClusterScene.Stable().Importing("T", "S").Situation()).OwnerAtEnd);
    }

    [Fact]
    public void A_master_that_reports_another_owner_of_a_stable_slot_is_corrected()
    {
        var plan = Plan(ClusterScene.Stable().Believes("X", "S", "0-5518,5520-8191").Believes("X", "T", "5519"));
        var corrected = Assert.IsType<CorrectOwner>(Assert.Single(plan.Actions));
        Assert.Equal((ClusterScene.Id("X"), ClusterScene.Id("S")), (corrected.Node.Id, corrected.Owner.Id));
        Assert.True(Plan(ClusterScene.Stable()).IsDone);
    }

    // Redis 8.4 and later counts the keys only after every master imports the slot: then something was changed, and stays.
    [Fact]
    public void A_refusal_after_keys_were_made_visible_does_not_claim_that_nothing_was_changed()
    {
        const string Left = "0-5518,5520-8191";
        var unowned = ClusterScene.Stable().BelievedToOwn("S", Left).Claims("S", Left).Keys("S", 3).Keys("T", 2);
        var plain = Refusal(unowned);
        Assert.Equal(FailureCode.SlotStateUnsuitable, plain.Code);
        Assert.EndsWith(" Nothing was changed.", plain.Message);
        var revealed = Refusal(unowned.Importing("T", "X").Importing("S", "X"));
        Assert.DoesNotContain("Nothing was changed", revealed.Message);
        Assert.EndsWith(" The masters import the slot, so that its keys can be counted; no key was moved.", revealed.Message);
        Assert.Equal(plain.Next, revealed.Next);
    }

    private static RepairRequest Repair(MoveOptions options, RepairOptions what) => new(ClusterScene.Slot, Session, options, what);

    private static SlotPlan Plan(ClusterScene scene, RepairOptions? what = null) =>
        Repair(new MoveOptions(), what ?? new RepairOptions()).Plan(scene.Situation());

    private static MoveKeys[] Gathers(ClusterScene scene, KeyConflictAction decided) =>
        [.. Repair(new MoveOptions { OnKeyConflict = decided }, new RepairOptions()).Plan(scene.Situation()).Actions.OfType<MoveKeys>()];

    private static RedisOperationException Refusal(ClusterScene scene) => Assert.Throws<RedisOperationException>(() => Plan(scene));
}
