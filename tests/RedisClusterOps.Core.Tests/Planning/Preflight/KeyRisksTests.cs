using System;
using System.Linq;
using RedisClusterOps.Planning.Preflight;
using Xunit;
using static RedisClusterOps.Core.Tests.Planning.Preflight.PreflightRulesTests;

namespace RedisClusterOps.Core.Tests.Planning.Preflight;

/// <summary>Plans that would lose keys although every command succeeds are refused.</summary>
public class KeyRisksTests
{
    // The servers' own migration drops keys that the target cannot take, and reports success.
    [Theory]
    [InlineData("a,ver=1;b,ver=2", "b,ver=2;a,ver=1;c,ver=1", false, "")]
    [InlineData("a,ver=1;b,ver=2", "b,ver=2", false, "ModuleMissing Warning")]
    [InlineData("a,ver=1;b,ver=2", "b,ver=2", true, "refused ModuleMissing")]
    [InlineData("a,ver=3", "a,ver=2", true, "refused ModuleMissing")]
    [InlineData("a,ver=2", "a,ver=3", true, "")]
    [InlineData("", "a,ver=1", true, "")]
    public void Modules_are_compared_by_name_and_version(string source, string target, bool isAtomic, string expected) =>
        Assert.Equal(expected, Findings(Facts(ClusterScene.Stable().Reports("S", Info(source)).Reports("T", Info(target))) with
        {
            IsAtomic = isAtomic,
        }));

    [Fact]
    public void The_refusal_names_the_module_and_the_node()
    {
        var facts = Facts(ClusterScene.Stable().Reports("S", Info("graph,ver=2")).Reports("T", Info(""))) with { IsAtomic = true };
        var refusal = PreflightRules.Judge(facts).Refusal!;
        Assert.StartsWith(facts.Target.Name + " lacks 1 module of " + facts.Source.Name + " (graph).", refusal.Message);
        Assert.Equal(facts.Target.Name, refusal.Subject);
        Assert.Contains("-Method KeyByKey", NextActionText.Of(refusal.Next!));
    }

    [Fact]
    public void A_demoted_master_that_holds_keys_which_no_master_has_is_refused()
    {
        var facts = Facts();
        var unsynced = new UnsyncedReplica(facts.View.Node(ClusterScene.Id("X"))!, facts.Source, 200, 0, IsOfMany: false);
        var refusal = PreflightRules.Judge(facts with { Unsynced = unsynced }).Refusal!;
        Assert.Equal((FailureCode.KeysMissing, unsynced.Replica.Name), (refusal.Code, refusal.Subject));
        Assert.Contains(
            "holds 200 keys of slot 5519; " + facts.Source.Name + " and " + facts.Target.Name + " hold 0 keys", refusal.Message);
        var next = NextActionText.Of(refusal.Next!);
        Assert.StartsWith("Get-RedisSlotKey -Slot 5519 -Node " + unsynced.Replica.Name + " ", next);
        Assert.Contains("CLUSTER FAILOVER TAKEOVER on " + unsynced.Replica.Name, next);
        var ofMany = PreflightRules.Judge(facts with { Unsynced = unsynced with { IsOfMany = true } }).Refusal!;
        Assert.StartsWith("Get-RedisClusterNode -Node " + unsynced.Replica.Name + " ", NextActionText.Of(ofMany.Next!));
    }

    [Theory]
    [InlineData("role:slave\nmaster_link_status:down\nmaster_link_down_since_seconds:-1", true)]
    [InlineData("role:slave\nmaster_link_status:down\nmaster_link_down_since_seconds:40", false)]
    [InlineData("role:slave\nmaster_link_status:up", false)]
    [InlineData("role:master", false)]
    public void A_replica_has_never_synchronized_if_its_link_was_never_up(string info, bool expected) =>
        Assert.Equal(
            expected, ClusterScene.Stable().Reports("S", info).View().Node(ClusterScene.Id("S"))!.View!.Facts.HasNeverSynchronized);

    private static string Info(string modules) => "redis_version:7.0.15"
        + string.Concat(modules.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(module => "\r\nmodule:name=" + module + ",api=1"));
}
