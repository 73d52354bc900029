using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>Every state has a name, and the name follows from what the nodes say and hold.</summary>
public class SlotDiagnosticianTests
{
    [Fact]
    public void A_slot_with_one_owner_and_no_flag_is_stable() => Assert.Null(ClusterScene.Stable().Diagnose());

    [Fact]
    public void S1_the_target_imports_and_nothing_has_moved() =>
        Expect(ClusterScene.Stable().Importing("T", "S"), RedisOpenSlotState.ImportingOnly, "S", "T");

    [Fact]
    public void S2_the_source_migrates_and_the_target_does_not_know() =>
        Expect(ClusterScene.Stable().Migrating("S", "T"), RedisOpenSlotState.MigratingOnly, "S", "T");

    [Fact]
    public void S2_is_also_the_state_if_keys_have_moved() =>
        Expect(ClusterScene.Stable().Migrating("S", "T").Keys("T", 5), RedisOpenSlotState.MigratingOnly, "S", "T");

    [Fact]
    public void S3_both_ends_are_open()
    {
        var diagnosis = Expect(ClusterScene.Wedged(), RedisOpenSlotState.Migrating, "S", "T");
        Assert.Equal(100, diagnosis.KeysOnSource);
        Assert.Equal(50, diagnosis.KeysOnTarget);
    }

    [Fact]
    public void S3_with_no_key_left_on_the_source_is_drained() =>
        Expect(ClusterScene.Wedged().Keys("S", 0), RedisOpenSlotState.Drained, "S", "T");

    [Fact]
    public void A_source_that_does_not_count_is_not_drained() =>
        Expect(ClusterScene.Wedged().Keys("S", null), RedisOpenSlotState.Migrating, "S", "T");

    [Fact]
    public void S4_the_target_owns_it_and_the_source_still_migrates() => Expect(
        ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").BelievedToOwn("T", "5519").Migrating("S", "T").Keys("S", 0),
        RedisOpenSlotState.FinishedOnTarget, "S", "T");

    [Fact]
    public void S4_before_the_source_has_heard_of_it_two_claim_the_slot_and_the_source_is_empty() => Expect(
        ClusterScene.Wedged().Claims("T", "5519").Keys("S", 0),
        RedisOpenSlotState.FinishedOnTarget, "S", "T");

    [Fact]
    public void A_source_that_lost_the_slot_with_keys_holds_strays() => Expect(
        ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").BelievedToOwn("T", "5519").Migrating("S", "T").Keys("S", 7),
        RedisOpenSlotState.StrayKeys, "S", "T");

    [Fact]
    public void S5_the_source_handed_it_over_and_the_target_still_imports() => Expect(
        ClusterScene.Stable().Claims("S", "0-5518,5520-8191").Believes("S", "T", "5519").Importing("T", "S").Keys("S", 0).Keys("T", 100),
        RedisOpenSlotState.FinishedOnSource, "S", "T");

    [Fact]
    public void S6_a_replica_replaced_the_source_which_is_now_its_replica() => Expect(
        ClusterScene.Wedged().Master("N", 9, "0-8191").BecameReplica("S", of: "N").Keys("N", 100).Keys("T", 50),
        RedisOpenSlotState.SourceFailedOver, "N", "T");

    [Fact]
    public void S6_a_replica_replaced_the_source_which_is_down() => Expect(
        ClusterScene.Stable().Importing("T", "S").BelievedToOwn("S", null).Down("S").Master("N", 9, "0-8191").Keys("N", 100).Keys("T", 50),
        RedisOpenSlotState.SourceFailedOver, "N", "T");

    [Fact]
    public void S7_a_replica_replaced_the_target_which_is_now_its_replica() => Expect(
        ClusterScene.Stable().Migrating("S", "T").Master("N", 9).BecameReplica("T", of: "N").Keys("N", 50),
        RedisOpenSlotState.TargetFailedOver, "S", "N");

    [Fact]
    public void S7_a_replica_replaced_the_target_which_is_down_as_its_keys_show() => Expect(
        ClusterScene.Stable().Migrating("S", "T").Down("T").Master("N", 9).Keys("N", 50),
        RedisOpenSlotState.TargetFailedOver, "S", "N");

    [Fact]
    public void A_target_that_is_down_without_a_successor_leaves_the_slot_half_open()
    {
        var diagnosis = Expect(ClusterScene.Stable().Migrating("S", "T").Down("T"), RedisOpenSlotState.MigratingOnly, "S", "T");
        Assert.Contains("does not answer", diagnosis.Detail);
    }

    [Fact]
    public void S8_an_importer_with_keys_whose_owner_knows_of_no_migration_holds_strays() =>
        Expect(ClusterScene.Stable().Importing("T", "S").Keys("T", 3), RedisOpenSlotState.StrayKeys, source: "T", target: "S");

    [Fact]
    public void S9_two_masters_claim_the_slot_and_no_node_has_it_open() => Expect(
        ClusterScene.Stable().Claims("T", "5519"), RedisOpenSlotState.ClaimedWithoutEpoch, source: "S", target: "T");

    [Fact]
    public void S9_also_while_the_losing_claimant_still_holds_keys_although_it_migrates() => Expect(
        ClusterScene.Wedged().Claims("T", "5519"), RedisOpenSlotState.ClaimedWithoutEpoch, source: "S", target: "T");

    [Fact]
    public void S10_no_master_owns_it()
    {
        var scene = ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191");
        Assert.Equal(RedisOpenSlotState.Unowned, scene.Diagnose()!.State);
        Assert.Equal(ClusterScene.Id("S"), scene.Diagnose()!.Source!.Id);
    }

    [Fact]
    public void S11_two_importers() =>
        Assert.Equal(RedisOpenSlotState.Tangled, ClusterScene.Wedged().Importing("X", "S").Diagnose()!.State);

    [Fact]
    public void S11_two_migrating_masters() =>
        Assert.Equal(RedisOpenSlotState.Tangled, ClusterScene.Wedged().Migrating("X", "T").Diagnose()!.State);

    [Fact]
    public void S11_the_importer_is_not_the_declared_target() =>
        Assert.Equal(RedisOpenSlotState.Tangled, ClusterScene.Stable().Migrating("S", "T").Importing("X", "S").Diagnose()!.State);

    [Fact]
    public void S11_a_target_that_no_node_knows() =>
        Assert.Contains("no node knows", ClusterScene.Stable().Migrating("S", "unknown").Diagnose()!.Detail);

    [Fact]
    public void S11_a_source_that_migrates_to_itself() =>
        Assert.Equal(RedisOpenSlotState.Tangled, ClusterScene.Stable().Migrating("S", "S").Diagnose()!.State);

    [Fact]
    public void S11_an_importer_from_a_master_that_does_not_own_the_slot() =>
        Assert.Equal(RedisOpenSlotState.Tangled, ClusterScene.Stable().Importing("T", "X").Diagnose()!.State);

    [Fact]
    public void S11_an_owner_that_imports_its_own_slot() => Assert.Equal(
        RedisOpenSlotState.Tangled,
        ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").BelievedToOwn("T", "5519").Importing("T", "S").Diagnose()!.State);

    [Fact]
    public void A1_the_servers_are_moving_it_themselves() => Expect(
        ClusterScene.Stable().Task(
            "T",
            new AtomicTask(SlotSet.From([5519]), ClusterScene.Id("S"), ClusterScene.Id("T"), "streaming-buffer")),
        RedisOpenSlotState.Atomic, "S", "T");

    [Fact]
    public void Flags_of_replicas_are_copies_and_mean_nothing() => Assert.Null(
        ClusterScene.Stable().Replica("R", of: "S").Migrating("R", "T").Diagnose());

    [Fact]
    public void Every_state_says_what_clients_see_and_what_to_run()
    {
        var session = RedisClusterSession.Parse("10.0.0.1:6379");
        var scenes = new[]
        {
            ClusterScene.Stable().Importing("T", "S"),
            ClusterScene.Stable().Migrating("S", "T"),
            ClusterScene.Wedged(),
            ClusterScene.Wedged().Keys("S", 0),
            ClusterScene.Stable().Importing("T", "S").Keys("T", 3),
            ClusterScene.Stable().Claims("T", "5519"),
            ClusterScene.Wedged().Importing("X", "S"),
        };
        foreach (var described in scenes.Select(scene => SlotAdvice.Describe(scene.Diagnose()!, session)))
        {
            Assert.NotEmpty(described.ClientsSee);
            Assert.Matches(@"^[A-Z][a-z]+-Redis\w+", NextActionText.Of(described.Next!));
        }
    }

    [Theory]
    [InlineData(100, 50, 33)]
    [InlineData(0, 50, 100)]
    [InlineData(0, 0, 0)]
    [InlineData(1, 199, 99)]
    public void Percent_is_the_targets_share_and_100_only_when_nothing_is_left(long onSource, long onTarget, int percent)
    {
        var scene = ClusterScene.Wedged().Keys("S", onSource).Keys("T", onTarget);
        Assert.Equal(percent, SlotAdvice.Describe(scene.Diagnose()!, RedisClusterSession.Parse("10.0.0.1:6379")).PercentComplete);
    }

    private static SlotDiagnosis Expect(ClusterScene scene, RedisOpenSlotState state, string source, string target)
    {
        var diagnosis = scene.Diagnose();
        Assert.NotNull(diagnosis);
        Assert.Equal(state, diagnosis.State);
        Assert.Equal(ClusterScene.Id(source), diagnosis.Source?.Id);
        Assert.Equal(ClusterScene.Id(target), diagnosis.Target?.Id);
        return diagnosis;
    }
}
