using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Diagnosis;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>Open slots with one cause are one finding and one alert, with one command.</summary>
public class OpenSlotGroupTests
{
    private const string Run = "20261129T112233Z-0a1b2c";
    private static readonly DateTime Now = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("a:1");

    [Fact]
    public void Slots_in_the_same_state_between_the_same_masters_are_one_finding_with_ranges_and_one_command()
    {
        var finding = Assert.Single(Check([.. Enumerable.Range(10, 500).Select(slot => Open(slot)), Open(5519)]));
        Assert.Equal((FindingCode.SlotOpen, "10-509,5519"), (finding.Code, finding.Target));
        Assert.Equal("501 slots, Migrating, a:1 -> b:1. Clients: ask.", finding.Message);
        Assert.Equal("Complete-RedisSlotMigration -Slot 10-509,5519", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Another_state_or_another_target_is_another_finding()
    {
        var findings = Check(
            [Open(1), Open(2) with { Target = "c:1" }, Open(3) with { State = RedisOpenSlotState.ImportingOnly }, Open(4)]);
        Assert.Equal(["1,4", "2", "3"], findings.Select(finding => finding.Target));
    }

    [Fact]
    public void Slots_that_one_run_left_open_are_one_finding_in_whatever_state_and_the_run_is_resumed()
    {
        var resume = new NextAction(NextActionCode.Resume) { MigrationId = Run };
        var left = Enumerable.Range(1, 517).Select(slot => Open(slot) with
        {
            MigrationId = Run,
            Next = resume,
            State = slot <= 500 ? RedisOpenSlotState.Migrating : RedisOpenSlotState.Drained,
            ClientsSee = slot <= 500 ? "ask" : "all ask",
        });
        var finding = Assert.Single(Check([.. left]));
        Assert.Equal(
            "517 slots, 500 Migrating, 17 Drained, a:1 -> b:1, left by run " + Run
                + ". Clients: of 500 Migrating, ask; of 17 Drained, all ask.",
            finding.Message);
        Assert.Equal("Resume-RedisMigration -Id " + Run, NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Scattered_slots_that_make_no_readable_command_are_repaired_together()
    {
        var finding = Assert.Single(Check([.. Enumerable.Range(0, 100).Select(slot => Open(10 * slot))]));
        Assert.Equal("Repair-RedisCluster", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Alerts_of_stuck_slots_are_grouped_and_the_memory_is_kept_for_each()
    {
        RedisOpenSlot[] open = [Open(1), Open(2), Open(3)];
        var (none, observations) = AlertsOf(open, [], Now);
        Assert.Empty(none);
        Assert.Equal(3, observations.Count);
        // A slot that moved meanwhile is not stuck.
        open[1] = open[1] with { KeysOnSource = 5 };
        var (alerts, _) = AlertsOf(open, observations, Now.AddHours(1));
        var alert = Assert.Single(alerts);
        Assert.Equal(("1,3", Now, 20L, 50), (alert.Target, alert.Since, alert.KeysLeft, alert.PercentComplete));
        Assert.StartsWith(
            "Stuck at 50 % for at least 1 h 0 min: 2 slots, Migrating, a:1 -> b:1, 20 keys left on the source.", alert.Message);
    }

    [Fact]
    public void An_alert_of_several_slots_is_the_memory_of_each()
    {
        var earlier = new RedisClusterAlert { Code = AlertCode.SlotOpen, Target = "1-3", Since = Now, ObservedAt = Now, KeysLeft = 30 };
        RedisOpenSlot[] open = [Open(1), Open(3), Open(9)];
        var alert = Assert.Single(AlertsOf(open, [.. Observation.Of(earlier)], Now.AddHours(1)).Alerts);
        Assert.Equal("1,3", alert.Target);
    }

    [Fact]
    public void Slots_of_unknown_age_are_a_warning_that_names_the_command_and_how_to_record_the_time()
    {
        var alert = Assert.Single(AlertCheck.OfUnknownAge([Open(1), Open(2), Open(3) with { LastProgress = Now }], Now));
        Assert.Equal((AlertCode.SlotOpen, FindingSeverity.Warning, "1-2"), (alert.Code, alert.Severity, alert.Target));
        Assert.StartsWith("Open since an unknown time: 2 slots, Migrating, a:1 -> b:1. No earlier check", alert.Message);
        Assert.Equal(
            "Complete-RedisSlotMigration -Slot 1-2; or Get-RedisClusterAlert -StatePath <file>   (records the time for the next check)",
            NextActionText.Of(alert.Next!));
    }

    [Fact]
    public void Nodes_that_report_a_cluster_that_is_down_are_one_finding()
    {
        var scene = ClusterScene.Stable();
        foreach (var name in new[] { "S", "T", "X" })
            scene.Reports(name, clusterInfo: "cluster_state:fail");
        var finding = Assert.Single(scene.Check().Findings);
        Assert.Equal(FindingCode.ClusterStateFail, finding.Code);
        Assert.Equal("10.0.0.19:6379,10.0.0.20:6379,10.0.0.24:6379", finding.Target);
        Assert.StartsWith("Every reachable node (3) reports that the cluster is down.", finding.Message);
    }

    [Fact]
    public void A_problem_of_several_nodes_keeps_its_time_when_one_more_node_has_it()
    {
        var (_, observations) = AlertCheckTests.Look(ClusterScene.Stable().Reports("X", clusterInfo: "cluster_state:fail"), [], Now);
        var scene = ClusterScene.Stable().Reports("X", clusterInfo: "cluster_state:fail").Reports("S", clusterInfo: "cluster_state:fail");
        Assert.Equal(Now, Assert.Single(AlertCheckTests.Look(scene, observations, Now.AddMinutes(7)).Alerts).Since);
    }

    [Fact]
    public void Masters_with_too_few_replicas_are_one_finding()
    {
        var finding = Assert.Single(ClusterScene.Stable().Check(minimumReplica: 1).Findings);
        Assert.Equal("10.0.0.19:6379,10.0.0.24:6379", finding.Target);
        Assert.StartsWith("2 nodes, each: The master has 0 replicas", finding.Message);
    }

    [Fact]
    public void The_summary_has_slots_keys_and_replicas_of_each_master_and_the_totals()
    {
        var scene = ClusterScene.Stable().Replica("R", of: "S").Reports("S", keys: 1200).Reports("X", keys: 34).Reports("T", keys: 0);
        Assert.Equal(
            [
                "10.0.0.19:6379   8192 slots  1200 keys  1 replica",
                "10.0.0.20:6379      0 slots     0 keys  0 replicas",
                "10.0.0.24:6379   8192 slots    34 keys  0 replicas",
                "3 masters       16384 slots  1234 keys  1 replica",
            ],
            scene.Check().Summary);
    }

    private static RedisOpenSlot Open(int slot) => new()
    {
        Slot = slot,
        State = RedisOpenSlotState.Migrating,
        Source = "a:1",
        Target = "b:1",
        KeysOnSource = 10,
        KeysOnTarget = 10,
        ClientsSee = "ask",
        Next = new NextAction(NextActionCode.Complete) { Slots = slot.ToString(System.Globalization.CultureInfo.InvariantCulture) },
        Cluster = Session,
    };

    private static IReadOnlyList<RedisClusterFinding> Check(IReadOnlyList<RedisOpenSlot> open) => Health(open).Findings;

    private static RedisClusterHealth Health(IReadOnlyList<RedisOpenSlot> open) =>
        HealthCheck.Check(ClusterScene.Stable().View(), [], open, null, new HealthOptions(), Session);

    private static (IReadOnlyList<RedisClusterAlert> Alerts, IReadOnlyList<Observation> Observations) AlertsOf(
        IReadOnlyList<RedisOpenSlot> open, IReadOnlyList<Observation> before, DateTime now) =>
        AlertCheck.Check(ClusterScene.Stable().View(), Health(open), before, now, TimeSpan.FromMinutes(30));
}
