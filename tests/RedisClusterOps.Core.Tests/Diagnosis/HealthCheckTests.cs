using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>What a check finds in a view: the right code, how bad, of what, and what to run.</summary>
public class HealthCheckTests
{
    private const string S = "10.0.0.19:6379";
    private const string T = "10.0.0.20:6379";
    private const string X = "10.0.0.24:6379";
    private const string R = "10.0.0.18:6379";

    /// <summary>For each code a cluster that has it; one that is missing here fails <see cref="AdviceTests"/>.</summary>
    internal static Dictionary<FindingCode, Func<RedisClusterHealth>> Scenes { get; } = new()
    {
        [FindingCode.NodeUnreachable] = () => ClusterScene.Stable().In("T", RedisNodeState.Unreachable, "connection refused").Check(),
        [FindingCode.NodeFail] = () => ClusterScene.Stable().Down("X").Check(),
        [FindingCode.NodePFail] = () => ClusterScene.Stable().In("T", RedisNodeState.PFail).Check(),
        [FindingCode.NodeHandshake] = () => ClusterScene.Stable().In("T", RedisNodeState.Handshake, "it was not asked").Check(),
        [FindingCode.NodeNoAddress] = () => ClusterScene.Stable().In("T", RedisNodeState.NoAddress, "no node knows its address").Check(),
        [FindingCode.SlotUncovered] = () => ClusterScene.Stable().BelievedToOwn("X", "8200-16383").Check(),
        [FindingCode.SlotOpen] = () => ClusterScene.Wedged().Check(),
        [FindingCode.SlotOwnerConflict] = () => ClusterScene.Stable().Believes("X", "T", "5519").Check(),
        [FindingCode.EpochCollision] = () => ClusterScene.Stable().Master("U", epoch: 2).Check(),
        [FindingCode.StrayKeys] = () => ClusterScene.Stable().Check(0, ("X", "10-12,5519")),
        [FindingCode.ReplicaLinkDown] = () => WithReplica("master_link_status:down").Check(),
        [FindingCode.ReplicaLag] = () => WithReplica("master_link_status:up\nslave_repl_offset:1").Check(),
        [FindingCode.TooFewReplicas] = () => WithReplica("master_link_status:up").Check(minimumReplica: 1),
        [FindingCode.ClusterStateFail] = () => ClusterScene.Stable().Reports("X", clusterInfo: "cluster_state:fail").Check(),
        [FindingCode.MemoryPressure] = () => ClusterScene.Stable()
            .Reports("S", "redis_version:7.0.15\nused_memory:85\nmaxmemory:100")
            .Check(),
        [FindingCode.CpuPressure] = () => ClusterScene.Stable().Reports("S", cpu: 97.4).Check(),
        [FindingCode.MixedVersions] = () => ClusterScene.Stable().Reports("T", "redis_version:8.6.0").Check(),
        [FindingCode.AtomicMigrationRunning] = () => ClusterScene.Stable().Task("T", Moving()).Check(),
        [FindingCode.NodeBusy] = () => Refusing(
            FailureCode.NodeBusy, "BUSY Redis is busy running a script. You can only call SCRIPT KILL").Check(),
        [FindingCode.NodeLoading] = () => Refusing(FailureCode.NodeLoading, "LOADING Redis is loading the dataset in memory").Check(),
        [FindingCode.AuthenticationFailed] = () => Refusing(FailureCode.AuthenticationFailed, "NOAUTH Authentication required.").Check(),
        [FindingCode.TooManyClients] = () => Refusing(FailureCode.TooManyClients, "ERR max number of clients reached").Check(),
        [FindingCode.NodeNotKnownToAll] = () => ClusterScene.Stable().Forgot("X", "T").Check(),
        [FindingCode.AddressConflict] = () => ClusterScene.Stable().ListsAt("X", "T", "10.0.9.9").Check(),
        [FindingCode.IdReplaced] = () =>
            ClusterScene.Stable().Master("T2", epoch: 0).In("T2", RedisNodeState.Unreachable, "no node with this id answered").Check(),
        [FindingCode.ReplicaFlags] = () => FlaggedReplica().Check(),
        [FindingCode.NodeRefused] = () => Refusing(FailureCode.PermissionDenied, "NOPERM this user has no permissions").Check(),
    };

    internal static ClusterScene FlaggedReplica() => ClusterScene.Stable().Replica("R", of: "S").Migrating("R", "T")
        .Reports("R", "server_name:valkey\nvalkey_version:9.1.2\nmaster_link_status:up");

    internal static ClusterScene Refusing(FailureCode code, string error) =>
        ClusterScene.Stable().Refuses("S", code, error, ServerErrors.NextOf(code, new NodeEndpoint("10.0.0.19", 6379), error));

    [Fact]
    public void A_sound_cluster_is_healthy_and_has_no_finding()
    {
        var health = WithReplica("master_link_status:up").Check();
        Assert.True(health.Healthy);
        Assert.Empty(health.Findings);
        Assert.Empty(health.OpenSlots);
        Assert.Equal(4, health.Nodes.Count);
    }

    [Fact]
    public void NodeUnreachable_tells_why()
    {
        var finding = Only(FindingCode.NodeUnreachable, FindingSeverity.Error, T);
        Assert.Contains("connection refused", finding.Message);
        Assert.StartsWith("Connect-RedisCluster -AddressMap", NextActionText.Of(finding.Next!));
    }

    [Theory]
    [InlineData(FindingCode.NodeBusy, "Invoke-RedisClusterCommand SCRIPT KILL -Node 10.0.0.19:6379")]
    [InlineData(FindingCode.NodeLoading, "wait until it has loaded")]
    [InlineData(FindingCode.AuthenticationFailed, "CONFIG SET requirepass")]
    [InlineData(FindingCode.TooManyClients, "raise maxclients")]
    public void A_node_that_refuses_us_is_alive_and_its_slots_are_covered(FindingCode code, string cure)
    {
        var finding = Only(code, FindingSeverity.Error, S);
        Assert.Contains("is alive, but", finding.Message);
        Assert.Contains("8192 slots", finding.Message);
        Assert.Contains(cure, NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void Nodes_that_only_this_machine_can_not_reach_are_one_finding_and_nothing_is_uncovered()
    {
        var health = ClusterScene.Stable()
            .In("S", RedisNodeState.Unreachable, "no answer").In("X", RedisNodeState.Unreachable, "no answer").Check();
        var finding = Assert.Single(health.Findings);
        Assert.Equal((FindingCode.NodeUnreachable, S + "," + X), (finding.Code, finding.Target));
        Assert.Contains("16384 slots", finding.Message);
    }

    [Fact]
    public void NodeFail_tells_how_many_slots_are_out_of_reach_and_they_are_uncovered_too()
    {
        var health = Scenes[FindingCode.NodeFail]();
        Assert.Contains("8192 slots", Of(health, FindingCode.NodeFail, FindingSeverity.Error, X).Message);
        Assert.Contains(X, Of(health, FindingCode.SlotUncovered, FindingSeverity.Error, "8192-16383").Message);
        Of(health, FindingCode.NodeUnreachable, FindingSeverity.Error, X);
        Assert.Equal(3, health.Findings.Count);
    }

    [Fact]
    public void NodeFail_of_a_node_without_slots_threatens_none()
    {
        var health = ClusterScene.Stable().Down("T").Check();
        Assert.DoesNotContain("slots", Of(health, FindingCode.NodeFail, FindingSeverity.Error, T).Message);
        Assert.DoesNotContain(health.Findings, finding => finding.Code == FindingCode.SlotUncovered);
    }

    [Fact]
    public void NodePFail_is_a_warning_for_nothing_is_lost_yet() =>
        Assert.Contains("not marked it as failed", Only(FindingCode.NodePFail, FindingSeverity.Warning, T).Message);

    [Fact]
    public void NodeHandshake_is_a_warning_and_nobody_says_that_a_node_which_was_not_asked_did_not_answer() =>
        Assert.Contains("bus port", Only(FindingCode.NodeHandshake, FindingSeverity.Warning, T).Message);

    [Fact]
    public void NodeNoAddress_names_the_node_by_its_id()
    {
        var finding = Only(FindingCode.NodeNoAddress, FindingSeverity.Warning, ClusterScene.Id("T"));
        Assert.Contains("nodes still list it", finding.Message);
        Assert.Contains("Add-RedisClusterNode -Endpoint <its host:port>", NextActionText.Of(finding.Next!));
        Assert.Contains("Remove-RedisClusterNode -Node " + ClusterScene.Id("T"), NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void SlotUncovered_names_the_slots_that_nobody_owns()
    {
        var finding = Only(FindingCode.SlotUncovered, FindingSeverity.Error, "8192-8199");
        Assert.StartsWith("8 slots have no owner", finding.Message);
    }

    [Fact]
    public void SlotUncovered_of_one_slot_speaks_of_one()
    {
        var health = ClusterScene.Stable().BelievedToOwn("X", "8193-16383").Check();
        var finding = health.Findings.Single(each => each.Code == FindingCode.SlotUncovered);
        Assert.StartsWith("1 slot has no owner", finding.Message);
    }

    [Fact]
    public void SlotOpen_tells_the_state_both_ends_what_clients_see_and_what_completes_it()
    {
        var finding = Only(FindingCode.SlotOpen, FindingSeverity.Error, "5519");
        Assert.Contains("Migrating, " + S + " -> " + T, finding.Message);
        Assert.Contains("ASK", finding.Message);
        Assert.Equal("Complete-RedisSlotMigration -Slot 5519", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void SlotOwnerConflict_tells_who_takes_whom_for_the_owner()
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
    public void EpochCollision_names_both_masters_and_the_epoch()
    {
        var finding = Only(FindingCode.EpochCollision, FindingSeverity.Warning, "10.0.0.21:6379," + X);
        Assert.Contains("config epoch 2", finding.Message);
    }

    [Fact]
    public void A_replica_carries_its_masters_epoch_and_two_fresh_masters_have_none() => Assert.DoesNotContain(
        new ClusterScene().Master("S", 1, "0-16383").Master("T", 0).Master("X", 0).Replica("R", of: "S").Keys("S", 0).Check().Findings,
        finding => finding.Code == FindingCode.EpochCollision);

    [Fact]
    public void StrayKeys_names_the_holder_and_the_slots_and_how_to_bring_them_home()
    {
        var finding = Only(FindingCode.StrayKeys, FindingSeverity.Warning, X);
        Assert.Contains("(10-12,5519)", finding.Message);
        Assert.Equal("Repair-RedisCluster", NextActionText.Of(finding.Next!));
    }

    [Fact]
    public void The_target_of_an_open_migration_holds_keys_of_the_slot_as_it_must_and_those_are_no_strays() =>
        Assert.DoesNotContain(ClusterScene.Wedged().Check(0, ("T", "5519")).Findings, finding => finding.Code == FindingCode.StrayKeys);

    [Fact]
    public void ReplicaLinkDown_is_an_error_for_it_cannot_take_over() =>
        Assert.Contains("lost the link", Only(FindingCode.ReplicaLinkDown, FindingSeverity.Error, R).Message);

    [Fact]
    public void ReplicaLag_tells_how_much_a_failover_would_lose() =>
        Assert.Contains("20 MB behind", Only(FindingCode.ReplicaLag, FindingSeverity.Warning, R).Message);

    [Theory]
    [InlineData(10485760, false)]
    [InlineData(10485761, true)]
    public void Ten_megabytes_of_lag_are_tolerated(long lag, bool found)
    {
        var health = WithReplica("master_link_status:up\nslave_repl_offset:" + (20971521 - lag)).Check();
        Assert.Equal(found, health.Findings.Any(finding => finding.Code == FindingCode.ReplicaLag));
    }

    [Fact]
    public void TooFewReplicas_names_the_master_that_owns_slots_and_has_none()
    {
        var finding = Only(FindingCode.TooFewReplicas, FindingSeverity.Warning, X);
        Assert.StartsWith("The master has 0 replicas, fewer than the required 1. ", finding.Message);
    }

    [Fact]
    public void ClusterStateFail_names_the_node_whose_view_it_is() =>
        Assert.Contains("CLUSTERDOWN", Only(FindingCode.ClusterStateFail, FindingSeverity.Error, X).Message);

    [Fact]
    public void MemoryPressure_tells_used_and_allowed() => Only(FindingCode.MemoryPressure, FindingSeverity.Warning, S);

    [Theory]
    [InlineData(80, 100, null)]
    [InlineData(81, 100, FindingSeverity.Warning)]
    [InlineData(95, 100, FindingSeverity.Warning)]
    [InlineData(96, 100, FindingSeverity.Error)]
    [InlineData(96, 0, null)]
    public void MemoryPressure_begins_above_80_percent_of_a_limit_and_is_an_error_above_95(
        long used, long most, FindingSeverity? severity)
    {
        var memory = "redis_version:7.0.15\nused_memory:" + used + "\nmaxmemory:" + most;
        var findings = ClusterScene.Stable().Reports("S", memory).Check().Findings;
        Assert.Equal(severity, findings.SingleOrDefault(finding => finding.Code == FindingCode.MemoryPressure)?.Severity);
    }

    [Fact]
    public void CpuPressure_reports_the_share_of_the_core() =>
        Assert.Contains("97 % of a core", Only(FindingCode.CpuPressure, FindingSeverity.Warning, S).Message);

    [Theory]
    [InlineData(90.0, false)]
    [InlineData(90.1, true)]
    public void CpuPressure_begins_above_90_percent(double percent, bool found) =>
        Assert.Equal(found, ClusterScene.Stable().Reports("S", cpu: percent).Check().Findings.Count == 1);

    [Fact]
    public void MixedVersions_is_for_information_and_leaves_the_cluster_healthy()
    {
        var finding = Only(FindingCode.MixedVersions, FindingSeverity.Information, "cluster");
        Assert.Contains("Redis 7.0.15, Redis 8.6.0", finding.Message);
        Assert.True(Scenes[FindingCode.MixedVersions]().Healthy);
    }

    [Fact]
    public void AtomicMigrationRunning_is_for_information_and_is_not_an_open_slot()
    {
        var finding = Only(FindingCode.AtomicMigrationRunning, FindingSeverity.Information, "5519");
        Assert.Contains("from " + S + " to " + T, finding.Message);
        Assert.True(Scenes[FindingCode.AtomicMigrationRunning]().Healthy);
    }

    [Fact]
    public void One_warning_or_error_is_enough_to_be_unhealthy()
    {
        foreach (var (code, scene) in Scenes)
        {
            var health = scene();
            var worst = health.Findings.Max(finding => finding.Severity);
            Assert.True(
                health.Healthy == (worst == FindingSeverity.Information),
                code + " is " + worst + ", and the cluster is called " + (health.Healthy ? "healthy" : "unhealthy"));
        }
    }

    [Fact]
    public void The_worst_comes_first()
    {
        var findings = ClusterScene.Wedged().Reports("T", "redis_version:8.6.0").Reports("S", cpu: 99).Check().Findings;
        Assert.Equal([FindingCode.SlotOpen, FindingCode.CpuPressure, FindingCode.MixedVersions], findings.Select(finding => finding.Code));
    }

    private static AtomicTask Moving() =>
        new(SlotSet.From([ClusterScene.Slot]), ClusterScene.Id("S"), ClusterScene.Id("T"), "streaming-buffer");

    private static ClusterScene WithReplica(string replica) => ClusterScene.Stable().Replica("R", of: "S")
        .Reports("S", "redis_version:7.0.15\nmaster_repl_offset:20971521").Reports("R", "redis_version:7.0.15\n" + replica);

    /// <summary>The one finding of the code's own scene.</summary>
    private static RedisClusterFinding Only(FindingCode code, FindingSeverity severity, string target)
    {
        var health = Scenes[code]();
        Assert.Equal([code], health.Findings.Select(finding => finding.Code));
        return Of(health, code, severity, target);
    }

    private static RedisClusterFinding Of(RedisClusterHealth health, FindingCode code, FindingSeverity severity, string target)
    {
        var finding = Assert.Single(health.Findings, finding => finding.Code == code);
        Assert.Equal((severity, target), (finding.Severity, finding.Target));
        Assert.NotEmpty(finding.Message);
        ExportedCmdlets.AssertBegins(NextActionText.Of(finding.Next!), code.ToString());
        return finding;
    }
}
