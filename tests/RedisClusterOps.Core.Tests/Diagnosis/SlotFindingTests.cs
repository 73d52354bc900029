using System.Linq;
using Xunit;
using static RedisClusterOps.Core.Tests.Diagnosis.HealthScenes;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>What a check finds about slots: the right code, severity and target, and what to run.</summary>
public class SlotFindingTests
{
    [Fact]
    public void SlotUncovered_names_the_slots_without_an_owner()
    {
        var finding = Only(FindingCode.SlotUncovered, FindingSeverity.Error, "8192-8199");
        Assert.StartsWith("8 slots have no owner", finding.Message);
    }

    [Fact]
    public void SlotUncovered_of_one_slot_is_in_the_singular()
    {
        var health = ClusterScene.Stable().BelievedToOwn("X", "8193-16383").Check();
        var finding = health.Findings.Single(each => each.Code == FindingCode.SlotUncovered);
        Assert.StartsWith("1 slot has no owner", finding.Message);
    }

    [Fact]
    public void SlotOpen_has_the_state_both_ends_what_clients_see_and_the_command()
    {
        var finding = Only(FindingCode.SlotOpen, FindingSeverity.Error, "5519");
        Assert.Contains("Migrating, " + S + " -> " + T, finding.Message);
        Assert.Contains("ASK", finding.Message);
        Assert.Equal("Complete-RedisSlotMigration -Slot 5519", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void SlotOwnerConflict_names_the_owner_that_each_node_reports()
    {
        var finding = Only(FindingCode.SlotOwnerConflict, FindingSeverity.Error, "5519");
        Assert.Contains("Slot 5519: " + X + " reports " + T + " as the owner", finding.Message);
    }

    [Fact]
    public void SlotOwnerConflict_also_names_nodes_that_report_no_owner()
    {
        var health = ClusterScene.Stable().Claims("S", "0-5518,5520-8191").Claims("T", "5519").Check();
        Assert.Contains(
            S + " reports no owner, " + X + " reports " + S + " as the owner.",
            Of(health, FindingCode.SlotOwnerConflict, FindingSeverity.Error, "5519").Message);
    }

    [Fact]
    public void SlotOwnerConflict_of_many_names_a_few_and_counts_the_rest()
    {
        var scene = ClusterScene.Stable().Claims("S", "0-5518,5520-8191").Claims("T", "5519");
        foreach (var name in "ABCDEFGH")
            scene.Master(name.ToString(), epoch: 10 + name);
        // These eight and X report S as the owner. S itself reports none.
        var finding = Of(scene.Check(), FindingCode.SlotOwnerConflict, FindingSeverity.Error, "5519");
        Assert.EndsWith(" as the owner, and 5 more nodes differ.", finding.Message);
    }

    [Fact]
    public void A_claim_against_another_claim_is_one_conflict_and_not_an_open_slot_too()
    {
        var health = ClusterScene.Stable().Claims("T", "5519").Check();
        Assert.Equal([FindingCode.SlotOwnerConflict], health.Findings.Select(finding => finding.Code));
        Assert.Equal(RedisOpenSlotState.ClaimedWithoutEpoch, Assert.Single(health.OpenSlots).State);
    }

    [Fact]
    public void StrayKeys_names_the_holder_the_slots_and_the_command()
    {
        var finding = Only(FindingCode.StrayKeys, FindingSeverity.Warning, X);
        Assert.Contains("(10-12,5519)", finding.Message);
        Assert.Equal("Repair-RedisCluster", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Keys_on_the_target_of_an_open_slot_are_not_stray() =>
        Assert.DoesNotContain(ClusterScene.Wedged().Check(0, ("T", "5519")).Findings, finding => finding.Code == FindingCode.StrayKeys);

    [Fact]
    public void An_empty_slot_that_was_just_opened_is_not_drained()
    {
        var opened = Assert.Single(ClusterScene.Wedged().Keys("S", 0).Keys("T", 0).Check().OpenSlots);
        Assert.Equal((RedisOpenSlotState.Migrating, 0), (opened.State, opened.PercentComplete));
        var drained = Assert.Single(ClusterScene.Wedged().Keys("S", 0).Check().OpenSlots);
        Assert.Equal((RedisOpenSlotState.Drained, 100), (drained.State, drained.PercentComplete));
    }

    [Fact]
    public void AtomicMigrationRunning_is_for_information_and_is_not_an_open_slot()
    {
        var finding = Only(FindingCode.AtomicMigrationRunning, FindingSeverity.Information, "5519");
        Assert.Contains("from " + S + " to " + T, finding.Message);
        Assert.True(Scenes[FindingCode.AtomicMigrationRunning]().Healthy);
    }
}
