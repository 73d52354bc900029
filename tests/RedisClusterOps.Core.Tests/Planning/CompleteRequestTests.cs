using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning;

/// <summary>A plan holds what is left to do, in the one safe order, and nothing that is done already.</summary>
public class CompleteRequestTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    [Fact]
    public void A_wedged_slot_is_drained_assigned_to_the_target_then_source_and_others_are_notified() => Assert.Equal(
        ["MoveKeys", "AssignToTarget", "NotifyOwner S", "NotifyOwner X"], Steps(ClusterScene.Wedged()));

    [Fact]
    public void A_drained_slot_is_not_drained_again() => Assert.Equal(
        ["AssignToTarget", "NotifyOwner S", "NotifyOwner X"], Steps(ClusterScene.Wedged().Keys("S", 0)));

    [Fact]
    public void Importing_is_set_before_migrating_is() => Assert.Equal(
        ["SetImporting", "MoveKeys", "AssignToTarget", "NotifyOwner S", "NotifyOwner X"], Steps(ClusterScene.Stable().Migrating("S", "T")));

    [Fact]
    public void If_only_IMPORTING_is_set_MIGRATING_is_added() => Assert.Equal(
        ["SetMigrating", "MoveKeys", "AssignToTarget", "NotifyOwner S", "NotifyOwner X"], Steps(ClusterScene.Stable().Importing("T", "S")));

    [Fact]
    public void After_a_failover_of_the_source_MIGRATING_comes_first_because_the_target_already_imports() => Assert.Equal(
        ["SetMigrating", "SetImporting", "MoveKeys", "AssignToTarget", "NotifyOwner N", "NotifyOwner X"],
        Steps(ClusterScene.Wedged().Master("N", 9, "0-8191").BecameReplica("S", of: "N").Keys("N", 100).Keys("T", 50)));

    [Fact]
    public void An_importing_node_that_reports_no_owner_is_corrected_first() => Assert.Equal(
        "CorrectOwner",
        Steps(ClusterScene.Wedged().Master("N", 9, "0-8191").BecameReplica("S", of: "N").Believes("T", "N", "0-100").Keys("N", 100)
            .Keys("T", 50))[0]);

    // While it attributes one of them to a failed node, it refuses the keys of every slot.
    [Fact]
    public void All_slots_that_the_target_imports_from_a_source_that_failed_over_are_corrected_together()
    {
        var scene = ClusterScene.Wedged().Importing("T", "S", slot: 7).Importing("T", "X", slot: 9000)
            .Master("N", 9, "0-8191").BecameReplica("S", of: "N").Believes("T", "N", "0-6,8-5518,5520-8191").Keys("N", 100).Keys("T", 50);
        var plan = new CompleteRequest(ClusterScene.Slot, Session, new MoveOptions()).Plan(scene.Situation());
        var correct = Assert.IsType<CorrectOwner>(plan.Actions[0]);
        Assert.Equal((ClusterScene.Slot, "7,5519"), (correct.Slot, correct.Slots.ToString()));
        Assert.Equal(1, plan.Actions.Count(action => action is CorrectOwner));
        Assert.Contains("each of the slots 7,5519", Assert.Single(correct.Commands).Why);
    }

    [Fact]
    public void After_the_target_took_over_only_notifications_are_left() => Assert.Equal(
        ["NotifyOwner S", "NotifyOwner X"],
        Steps(ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").BelievedToOwn("T", "5519").Migrating("S", "T").Keys("S", 0)));

    // A replica may have taken its place where this machine can't reach it.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Slots_of_an_owner_that_only_this_machine_can_not_reach_are_not_corrected(bool hasFailed)
    {
        var view = ClusterScene.Wedged().Master("N", 9, "0-8191").Claims("S", null).BelievedToOwn("S", null)
            .Believes("T", "S", "5519").Believes("T", "N", "0-5518,5520-8191").Down("S")
            .Flags("T", "S", hasFailed ? NodeFlags.Fail : NodeFlags.None).View();
        Assert.Equal(hasFailed, view.OutdatedImports(ClusterScene.Id("T")).Any());
    }

    // It has dropped the keys that it had imported, and its new master never had them.
    [Theory]
    [InlineData("T", true)]
    [InlineData("R", true)]
    [InlineData("X", false)]
    public void A_closed_slot_is_done_only_on_the_target_or_on_a_node_that_was_its_replica(string owner, bool isDone)
    {
        var before = ClusterScene.Wedged().Replica("R", of: "T");
        var request = new CompleteRequest(ClusterScene.Slot, Session, new MoveOptions()).Plan(before.Situation()).Request!;
        var now = ClusterScene.Stable().Replica("R", of: "T").BelievedToOwn("S", "0-5518,5520-8191");
        now = owner switch
        {
            "T" => now.BelievedToOwn("T", "5519"),
            "R" => ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").Master("R", 9, "5519").BecameReplica("T", of: "R"),
            _ => now.BelievedToOwn("X", "5519,8192-16383").BecameReplica("T", of: "X"),
        };
        if (isDone)
            Assert.True(request.Plan(now.Situation()).IsDone);
        else
            Assert.Equal(FailureCode.StalePlan, Assert.Throws<RedisOperationException>(() => request.Plan(now.Situation())).Code);
    }

    [Fact]
    public void After_the_source_handed_over_the_target_takes_over_and_no_flag_is_set() => Assert.Equal(
        ["AssignToTarget", "NotifyOwner S", "NotifyOwner X"],
        Steps(ClusterScene.Stable().Claims("S", "0-5518,5520-8191").Believes("S", "T", "5519").Importing("T", "S").Keys("S", 0)
            .Keys("T", 100)));

    [Fact]
    public void A_source_that_handed_over_with_keys_left_is_refused() => Assert.Equal(
        FailureCode.SourceNotEmpty,
        Refusal(ClusterScene.Stable().Claims("S", "0-5518,5520-8191").Believes("S", "T", "5519").Importing("T", "S").Keys("S", 4)
            .Keys("T", 100)).Code);

    [Fact]
    public void Stray_keys_contested_and_contradictory_states_are_refused_with_the_state_and_a_next_step()
    {
        foreach (var scene in new[]
                 {
                     ClusterScene.Stable().Importing("T", "S").Keys("T", 3), ClusterScene.Stable().Claims("T", "5519"),
                         ClusterScene.Wedged().Importing("X", "S"),
                 })
        {
            var refusal = Refusal(scene);
            Assert.Equal(FailureCode.SlotStateUnsuitable, refusal.Code);
            Assert.Contains(scene.Diagnose()!.State.ToString(), refusal.Message);
            Assert.NotNull(refusal.NextStep());
        }
    }

    [Fact]
    public void An_unreachable_end_is_refused()
    {
        var refusal = Refusal(ClusterScene.Wedged().Down("T"));
        Assert.Equal(FailureCode.NodeUnreachable, refusal.Code);
        Assert.Contains("10.0.0.20:6379", refusal.Message);
    }

    [Fact]
    public void An_unreachable_third_master_is_a_warning_and_receives_no_command()
    {
        var plan = Plan(ClusterScene.Wedged().Down("X"));
        Assert.Equal(["MoveKeys", "AssignToTarget", "NotifyOwner S"], plan.Actions.Select(Name));
        Assert.Contains(plan.Warnings, warning => warning.StartsWith("10.0.0.24:6379 does not answer"));
    }

    [Theory]
    [InlineData("redis_version:8.0.0", true)]
    [InlineData("redis_version:8.1.0", false)]
    [InlineData("server_name:valkey\nvalkey_version:7.2.5", true)]
    [InlineData("server_name:valkey\nvalkey_version:8.0.0", false)]
    [InlineData("", false)]
    public void For_many_slots_the_plan_shows_the_transaction_and_the_other_masters_once(string target, bool isJoint)
    {
        var plan = Plan(ClusterScene.Wedged().Master("Y", epoch: 4).Engine("T", target));
        Assert.Equal(
            ["10.0.0.19:6379", "10.0.0.20:6379", "10.0.0.19:6379", "10.0.0.24:6379", "10.0.0.25:6379"],
            BulkWays.CommandsOf(plan, forMany: false).Select(command => command.Node));
        var commands = BulkWays.CommandsOf(plan, forMany: true);
        Assert.Equal(["10.0.0.19:6379", "10.0.0.20:6379", "10.0.0.19:6379", "other masters"], commands.Select(command => command.Node));
        Assert.Equal(isJoint, commands[1].Why.Contains("many slots in one transaction"));
    }

    // A slot that the target owns already is not carried out together with others.
    [Fact]
    public void A_plan_that_is_carried_out_alone_shows_the_same_commands_for_many_slots()
    {
        var plan = Plan(ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").BelievedToOwn("T", "5519").Migrating("S", "T")
            .Keys("S", 0));
        Assert.Equal(plan.Commands, BulkWays.CommandsOf(plan, forMany: true));
    }

    [Fact]
    public void The_plan_shows_every_command_with_its_node_and_hides_the_password()
    {
        var session = RedisClusterSession.Parse("redis://operator:secret@10.0.0.1:6379");
        var plan = new CompleteRequest(ClusterScene.Slot, session, new MoveOptions()).Plan(ClusterScene.Wedged().Situation());
        Assert.Equal(
            [
                "10.0.0.19:6379 MIGRATE 10.0.0.20 6379 \"\" 0 60000 AUTH2 *** *** KEYS <100 keys, in batches>",
                "10.0.0.20:6379 CLUSTER SETSLOT 5519 NODE " + ClusterScene.Id("T"),
                "10.0.0.19:6379 CLUSTER SETSLOT 5519 NODE " + ClusterScene.Id("T"),
                "10.0.0.24:6379 CLUSTER SETSLOT 5519 NODE " + ClusterScene.Id("T"),
            ],
            plan.Commands.Select(command => command.Node + " " + command.Command));
        Assert.All(plan.Commands, command => Assert.NotEmpty(command.Why));
        Assert.DoesNotContain("secret", plan.ToString());
    }

    [Fact]
    public void Keys_alone_are_moved_only_if_both_ends_are_open()
    {
        var refusal = Assert.Throws<RedisOperationException>(
            () => new KeyMoveRequest(ClusterScene.Slot, Session, new MoveOptions()).Plan(ClusterScene.Stable()
                .Importing("T", "S").Situation()));
        Assert.Equal(FailureCode.SlotNotOpen, refusal.Code);
        Assert.Equal(["MoveKeys"],
            new KeyMoveRequest(ClusterScene.Slot, Session, new MoveOptions()).Plan(ClusterScene.Wedged().Situation()).Actions.Select(Name));
    }

    private static SlotPlan Plan(ClusterScene scene) =>
        new CompleteRequest(scene.Situation().Slot, Session, new MoveOptions()).Plan(scene.Situation());

    private static string[] Steps(ClusterScene scene) => Plan(scene).Actions.Select(Name).ToArray();

    private static string Name(SlotAction action) =>
        action is NotifyOwner tell ? "NotifyOwner " + tell.Node.Id.TrimEnd('0') : action.GetType().Name;

    private static RedisOperationException Refusal(ClusterScene scene) => Assert.Throws<RedisOperationException>(() => Plan(scene));
}
