using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Planning.Slots;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning.Preflight;

/// <summary>What facts about the nodes mean for a plan; what is not known means nothing.</summary>
public class PreflightRulesTests
{
    private const long Megabyte = 1 << 20;

    private const string Old = "redis_version:7.0.15";

    [Fact]
    public void Unknown_facts_cause_no_finding()
    {
        var result = PreflightRules.Judge(Facts());
        Assert.Empty(result.Findings);
        Assert.Null(result.Refusal);
    }

    // Free are 100 MB.
    [Theory]
    [InlineData("noeviction", 79, 0, "")]
    [InlineData("noeviction", 81, 0, "TargetMemory Warning")]
    [InlineData("noeviction", 101, 0, "TargetMemory Error")]
    [InlineData("noeviction", 51, 50, "TargetMemory Error")]
    [InlineData("allkeys-lru", 79, 0, "")]
    [InlineData("allkeys-lru", 81, 0, "TargetMemory Warning")]
    [InlineData("allkeys-lru", 101, 0, "refused TargetOutOfMemory")]
    [InlineData("volatile-ttl", 51, 50, "refused TargetOutOfMemory")]
    [InlineData("allkeys-lru", 0, 500, "")]
    [InlineData(null, 101, 0, "")]
    public void Keys_that_do_not_fit_are_refused_only_if_other_keys_would_be_evicted(string? policy, long megabytes, long ofOthers,
        string expected)
    {
        var memory = Old + "\nmaxmemory:" + 1000 * Megabyte + "\nused_memory:" + 950 * Megabyte + "\nmem_not_counted_for_evict:"
            + 50 * Megabyte;
        var scene = ClusterScene.Stable().Reports("T", memory + (policy is null ? string.Empty : "\nmaxmemory_policy:" + policy));
        Assert.Equal(expected,
            Findings(Facts(scene) with { Load = new SlotLoad(megabytes * Megabyte, null, null), BytesOfOthers = ofOthers * Megabyte }));
    }

    [Fact]
    public void Without_maxmemory_every_key_fits() => Assert.Empty(Findings(Facts(
        ClusterScene.Stable().Reports("T", Old + "\nmaxmemory:0\nused_memory:1000\nmaxmemory_policy:allkeys-lru"))
            with { Load = new SlotLoad(1L << 40, null, null) }));

    // 100 MB in a second.
    [Theory]
    [InlineData(1499, 15.0, 15.0, "")]
    [InlineData(1501, 15.0, 15.0, "BigKey Warning")]
    [InlineData(501, 15.0, 5.0, "BigKey Warning")]
    [InlineData(501, 5.0, null, "BigKey Warning")]
    [InlineData(9999, null, null, "")]
    public void A_key_is_big_by_the_shorter_node_timeout_of_the_two(long megabytes, double? source, double? target, string expected) =>
        Assert.Equal(expected, Findings(Facts() with
        {
            Load = new SlotLoad(null, megabytes * Megabyte, "k"),
            SourceSettings = new NodeSettings { NodeTimeout = Patience(source) },
            TargetSettings = new NodeSettings { NodeTimeout = Patience(target) },
        }));

    [Theory]
    [InlineData("redis_version:7.0.15", "redis_version:7.0.15", "")]
    [InlineData("redis_version:7.0.15", "redis_version:7.0.11", "")]
    [InlineData("redis_version:7.0.15", "redis_version:8.6.3", "")]
    [InlineData("redis_version:7.2.1", "redis_version:7.0.15", "VersionMismatch Warning")]
    [InlineData("redis_version:8.6.3", "redis_version:7.4.0", "VersionMismatch Warning")]
    [InlineData("redis_version:7.2.4\nvalkey_version:9.1.2", "redis_version:8.6.3", "VersionMismatch Warning")]
    [InlineData("", "redis_version:7.0.15", "")]
    public void An_older_target_or_another_engine_is_a_warning(string source, string target, string expected) =>
        Assert.Equal(expected, Findings(Facts(ClusterScene.Stable().Reports("S", source).Reports("T", target))));

    [Theory]
    [InlineData("a,b", "b,a,c", "")]
    [InlineData("a,b", "b", "FunctionMissing Warning")]
    [InlineData("a", "A", "FunctionMissing Warning")]
    [InlineData("", "a", "")]
    [InlineData(null, "a", "")]
    [InlineData("a", null, "")]
    [InlineData("a=1,b=1", "a=1,b=2", "FunctionDiffers Warning")]
    [InlineData("a=1,b=1", "b=2", "FunctionMissing Warning, FunctionDiffers Warning")]
    public void Functions_are_compared_by_name_and_code(string? source, string? target, string expected)
    {
        Assert.Equal(expected, Findings(Facts() with
        {
            SourceSettings = new NodeSettings { Functions = Functions(source) },
            TargetSettings = new NodeSettings { Functions = Functions(target) },
        }));

        static Dictionary<string, string>? Functions(string? list) => list?.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(function => (function + "=").Split('=')).ToDictionary(function => function[0], function => function[1]);
    }

    [Theory]
    [InlineData("S", "min_slaves_good_slaves:0", 1L, null, "WritesRefused Error")]
    [InlineData("T", "min_slaves_good_slaves:1", 2L, null, "WritesRefused Error")]
    [InlineData("T", "min_slaves_good_slaves:2", 2L, null, "")]
    [InlineData("T", "min_slaves_good_slaves:0", null, null, "WritesRefused Error")]
    [InlineData("T", "min_slaves_good_slaves:1", null, null, "")]
    [InlineData("X", "min_slaves_good_slaves:0", 1L, null, "")]
    [InlineData("S", "rdb_last_bgsave_status:err", null, true, "WritesRefused Error")]
    [InlineData("T", "rdb_last_bgsave_status:err", null, true, "WritesRefused Error")]
    [InlineData("T", "rdb_last_bgsave_status:err", null, false, "")]
    [InlineData("T", "rdb_last_bgsave_status:err", null, null, "")]
    [InlineData("T", "rdb_last_bgsave_status:ok", null, true, "")]
    [InlineData("T", "aof_last_write_status:err", null, null, "WritesRefused Error")]
    public void An_end_that_refuses_writes_is_an_error_if_keys_move(string node, string info, long? minimum, bool? stops, string expected)
    {
        var settings = new NodeSettings { MinimumReplicas = minimum, StopsAfterFailedSave = stops };
        var facts = Facts(ClusterScene.Stable().Reports(node, Old + "\n" + info)) with
        {
            SourceSettings = settings,
            TargetSettings = settings,
        };
        Assert.Equal(expected, Findings(facts));
        Assert.Empty(Findings(facts with { Actions = [] }));
    }

    // Valkey 8 and later wait for connected replicas at each SETSLOT.
    [Theory]
    [InlineData("valkey_version:9.1.2", "online", 3, "ReplicaHangs Error")]
    [InlineData("valkey_version:9.1.2", "online", 2, "")]
    [InlineData("valkey_version:9.1.2", "wait_bgsave", 30, "")]
    [InlineData("valkey_version:7.2.4", "online", 30, "")]
    [InlineData("redis_version:8.6.3", "online", 30, "")]
    public void A_replica_that_hangs_is_an_error_if_its_master_waits_for_it(string version, string state, int lag, string expected)
    {
        var info = version + "\nslave0:ip=10.0.0.9,port=6379,state=" + state + ",offset=5,lag=" + lag;
        var facts = Facts(ClusterScene.Stable().Reports("S", info).Reports("T", version));
        Assert.Equal(expected, Findings(facts));
        Assert.Empty(Findings(facts with { IsAtomic = true }));
    }

    [Theory]
    [InlineData(false, "CONFIG SET proto-max-bulk-len 4194304 on ")]
    [InlineData(true, "; or Undo-RedisSlotMigration -Slot 5519 -Strategy PullBack")]
    public void A_key_that_is_too_large_for_the_target_has_a_way_back_if_the_slot_is_open(bool isOpen, string advice)
    {
        var facts = Facts(isOpen ? ClusterScene.Wedged() : null) with
        {
            Load = new SlotLoad(null, 2 * Megabyte, "k"),
            TargetSettings = new NodeSettings { LargestValue = Megabyte },
        };
        Assert.Contains(advice, NextActionText.Of(Assert.Single(PreflightRules.Judge(facts).Findings).Next!));
    }

    [Theory]
    [InlineData(99, 100L, "")]
    [InlineData(100, 100L, "KeyTooLarge Error")]
    [InlineData(1000, null, "")]
    public void A_key_above_the_limit_of_the_target_is_an_error(long megabytes, long? limit, string expected) =>
        Assert.Equal(expected, Findings(Facts() with
        {
            Load = new SlotLoad(null, megabytes * Megabyte, "k"),
            SourceSettings = new NodeSettings { LargestValue = Megabyte },
            TargetSettings = new NodeSettings { LargestValue = limit * Megabyte },
        }));

    [Theory]
    [InlineData(0, true, "SourceBecomesReplica Warning")]
    [InlineData(0, false, "")]
    [InlineData(0, null, "")]
    [InlineData(1, true, "")]
    [InlineData(null, true, "")]
    public void A_master_that_hands_over_its_last_slot_becomes_a_replica_if_the_setting_allows_it(int? left, bool? allows,
        string expected) =>
        Assert.Equal(expected, Findings(HandingOver("S", "T") with
        {
            SlotsLeft = left,
            SourceSettings = new NodeSettings { AllowsReplicaMigration = allows },
        }));

    [Fact]
    public void An_undo_warns_about_the_master_that_hands_over_unless_the_plan_keeps_it_a_master()
    {
        var allowed = new NodeSettings { AllowsReplicaMigration = true };
        var undo = HandingOver("T", "S") with { SlotsLeft = 0, TargetSettings = allowed };
        var finding = Assert.Single(PreflightRules.Judge(undo).Findings);
        Assert.StartsWith(undo.Target.Name + " hands over its last slot.", finding.Message, StringComparison.Ordinal);
        Assert.Contains("a replica of " + undo.Source.Name + ",", finding.Message, StringComparison.Ordinal);
        Assert.Empty(Findings(undo with
        {
            Actions = [new SuppressReplicaMigration(ClusterScene.Slot, undo.Target), .. undo.Actions],
        }));
        Assert.Empty(Findings(undo with { SourceSettings = allowed, TargetSettings = NodeSettings.Unknown }));
    }

    [Theory]
    [InlineData(3L, "StrayKeys Warning")]
    [InlineData(0L, "")]
    [InlineData(null, "")]
    public void Keys_on_the_target_of_a_stable_slot_are_a_warning(long? keys, string expected) =>
        Assert.Equal(expected, Findings(Facts() with { StrayKeys = keys }));

    [Theory]
    [InlineData("S", "ClusterDown Error")]
    [InlineData("T", "ClusterDown Error")]
    [InlineData("X", "")]
    public void A_cluster_that_an_end_reports_as_down_is_an_error_if_keys_move(string node, string expected)
    {
        var facts = Facts(ClusterScene.Stable().Reports(node, clusterInfo: "cluster_state:fail"));
        Assert.Equal(expected, Findings(facts));
        Assert.Empty(Findings(facts with { Actions = [] }));
    }

    [Fact]
    public void Other_open_slots_of_both_ends_are_the_same_finding_for_each_slot()
    {
        Assert.Empty(Findings(Facts(ClusterScene.Wedged())));
        Assert.Empty(Findings(Facts(ClusterScene.Stable().Importing("X", "S", slot: 9))));
        var facts = Facts(ClusterScene.Wedged().Migrating("S", "X", slot: 9));
        var finding = Assert.Single(PreflightRules.Judge(facts).Findings);
        Assert.Equal((PlanFindingCode.OtherOpenSlots, FindingSeverity.Information), (finding.Code, finding.Severity));
        Assert.Equal(finding, Assert.Single(PreflightRules.Judge(facts with { Slot = 9 }).Findings));
    }

    [Fact]
    public void A_denied_command_is_refused_with_user_command_and_node()
    {
        var facts = Facts();
        var refusal = PreflightRules.Judge(facts with
        {
            Denied = [new DeniedCommand(facts.Target, "ann", "SELECT", "no permissions"),
                new DeniedCommand(facts.Source, "ann", "MIGRATE", "no permissions")],
        }).Refusal!;
        Assert.Equal((FailureCode.PermissionDenied, facts.Target.Name), (refusal.Code, refusal.Subject));
        Assert.StartsWith("The user 'ann' may not run SELECT on " + facts.Target.Name + ", which the plan needs, nor 1 other command.",
            refusal.Message);
        Assert.NotNull(refusal.NextStep());
    }

    [Fact]
    public void Another_tool_is_the_first_reason_to_refuse()
    {
        var facts = Facts();
        var refusal = PreflightRules.Judge(facts with
        {
            Denied = [new DeniedCommand(facts.Target, "ann", "SELECT", "no permissions")],
            OtherTool = new OtherTool(facts.Source, ClientLine.Parse("id=3 addr=10.0.0.9:4711 name= idle=0 cmd=migrate").Single()),
        }).Refusal!;
        Assert.Equal((FailureCode.AnotherToolAtWork, facts.Source.Name), (refusal.Code, refusal.Subject));
        Assert.StartsWith("A client at 10.0.0.9:4711 is changing slots now: migrate on " + facts.Source.Name + ".", refusal.Message);
    }

    private static TimeSpan? Patience(double? seconds) => seconds is { } known ? TimeSpan.FromSeconds(known) : null;

    internal static string Findings(PreflightFacts facts)
    {
        var result = PreflightRules.Judge(facts);
        Assert.All(result.Findings, finding =>
        {
            Assert.NotEmpty(finding.Target);
            Assert.EndsWith(".", finding.Message);
            Assert.False(string.IsNullOrEmpty(NextActionText.Of(finding.Next!)));
        });
        return string.Join(", ",
            result.Findings.Select(finding => finding.Code + " " + finding.Severity).Append(result.Refusal is { } refusal ? "refused "
                + refusal.Code : null).Where(text => text is not null));
    }

    private static PreflightFacts HandingOver(string from, string to)
    {
        var facts = Facts();
        var (giver, taker) = (facts.View.Node(ClusterScene.Id(from))!, facts.View.Node(ClusterScene.Id(to))!);
        return facts with { Actions = [new AssignToTarget(ClusterScene.Slot, giver, taker)] };
    }

    internal static PreflightFacts Facts(ClusterScene? scene = null)
    {
        var view = (scene ?? ClusterScene.Stable()).View();
        var (source, target) = (view.Node(ClusterScene.Id("S"))!, view.Node(ClusterScene.Id("T"))!);
        var request = new MigrateCommand(new NodeEndpoint(target.Announced!.Value.Host, 6379), TimeSpan.FromMinutes(10), null, null);
        return new PreflightFacts(view, ClusterScene.Slot, source, target, [new MoveKeys(ClusterScene.Slot, source, target, request, 100)]);
    }
}
