using System;
using RedisClusterOps.Membership;
using Xunit;

namespace RedisClusterOps.Core.Tests.Membership;

/// <summary>Which replica may be promoted how, and what the plan of a failover says beforehand.</summary>
public sealed class FailoverRequestTests
{
    private const string Up = "redis_version:7.0.15\nmaster_link_status:up\nslave_repl_offset:900\n";
    private const string Down = "redis_version:7.0.15\nmaster_link_status:down\nmaster_link_down_since_seconds:7\nslave_repl_offset:900\n";
    private const string Never = "redis_version:7.0.15\nmaster_link_status:down\nmaster_link_down_since_seconds:-1\n";
    private static readonly string R = "10.0.0.18:6379";

    // S, X and U own a third each; R and Q are replicas of S.
    private static ClusterScene Scene(string replica = Up) => new ClusterScene()
        .Master("S", epoch: 1, "0-5519").Master("X", epoch: 2, "5520-10999").Master("U", epoch: 4, "11000-16383")
        .Replica("R", of: "S").Replica("Q", of: "S")
        .Reports("S", "redis_version:7.0.15\nmaster_repl_offset:1000\n", keys: 50).Reports("R", replica, keys: 49)
        .Reports("Q", replica.Replace("900", "950"), keys: 50);

    [Fact]
    public void A_graceful_failover_is_one_command_and_shows_how_far_the_replica_is_behind()
    {
        var plan = Plan(Scene(), RedisFailoverMode.Graceful);
        Assert.Equal("CLUSTER FAILOVER", Assert.Single(plan.Commands).Command);
        Assert.Equal(R, plan.Commands[0].Node);
        Assert.Contains("at offset 900, 100 bytes behind 10.0.0.19:6379; no write is lost", plan.Action);
        Assert.Empty(plan.Warnings);
        Assert.Equal("master of 5520 slots", plan.After);
    }

    [Fact]
    public void Force_shows_what_is_lost_and_names_the_replica_that_has_more()
    {
        var plan = Plan(Scene(), RedisFailoverMode.Force);
        Assert.Equal("CLUSTER FAILOVER FORCE", Assert.Single(plan.Commands).Command);
        Assert.Contains("lost are writes that it has not received: those of 100 bytes and what clients write meanwhile", plan.Action);
        Assert.Contains("10.0.0.17:6379 has received 50 bytes more than " + R + ": promote it instead.", plan.Warnings);
        Assert.Contains("10.0.0.19:6379 answers. Mode Graceful loses no write.", plan.Warnings);
    }

    [Fact]
    public void A_dead_master_s_replica_is_promoted_by_force_and_by_takeover_but_not_gracefully()
    {
        var scene = Scene(Down).Down("S");
        Refused(scene, RedisFailoverMode.Graceful, "does not answer", "Invoke-RedisClusterFailover -Node " + R + " -Mode Force");
        Assert.Contains("since the link broke 7 s ago", Plan(scene, RedisFailoverMode.Force).Action);
        Assert.Equal("CLUSTER FAILOVER TAKEOVER", Assert.Single(Plan(scene, RedisFailoverMode.Takeover).Commands).Command);
    }

    [Fact]
    public void Takeover_of_a_live_master_is_refused_with_the_mode_that_is_safe()
    {
        var next = "Invoke-RedisClusterFailover -Node " + R;
        Refused(Scene(), RedisFailoverMode.Takeover, "lives", next);
        Refused(Scene().Refuses("S", FailureCode.NodeBusy, "BUSY a script"), RedisFailoverMode.Takeover, "lives", next);
        // This machine can't reach it, but the replica can.
        Refused(Scene().Down("S"), RedisFailoverMode.Takeover, "the replica's link to it is up", next);
    }

    [Fact]
    public void Takeover_of_a_master_that_only_this_machine_can_t_reach_is_refused() => Refused(
        Scene(Down).In("S", RedisNodeState.Unreachable, "no answer"), RedisFailoverMode.Takeover, "no node reports it as failing",
        "Connect-RedisCluster -AddressMap");

    [Fact]
    public void Without_a_majority_only_a_takeover_is_possible_and_it_warns_of_a_divided_network()
    {
        var scene = Scene(Down).Down("S").Down("X");
        Refused(scene, RedisFailoverMode.Force, "no majority", "Invoke-RedisClusterFailover -Node " + R + " -Mode Takeover");
        var warnings = string.Join(' ', Plan(scene, RedisFailoverMode.Takeover).Warnings);
        Assert.Contains("divided network", warnings);
    }

    // Garnet's nodes detect no failures, and its FORCE is a takeover: of a live master it would make two.
    [Fact]
    public void On_Garnet_a_vote_is_refused_and_a_silent_master_is_replaced_only_by_takeover()
    {
        const string Garnet = "garnet_version:2.2.8\nredis_version:7.2.5\nmaster_link_status:";
        Refused(Scene(Garnet + "up\n"), RedisFailoverMode.Force, "Garnet's masters do not vote", "Invoke-RedisClusterFailover -Node " + R);
        Refused(Scene(Garnet + "up\n"), RedisFailoverMode.Takeover, "lives", "Invoke-RedisClusterFailover -Node " + R);
        Assert.Contains("then " + R + " takes its slots", Plan(Scene(Garnet + "up\n"), RedisFailoverMode.Graceful).Commands[0].Why);

        var silent = Scene(Garnet + "down\n").In("S", RedisNodeState.Unreachable, "no answer");
        var takeover = "Invoke-RedisClusterFailover -Node " + R + " -Mode Takeover";
        Refused(silent, RedisFailoverMode.Graceful, "Garnet's nodes do not report failed ones", takeover);
        Refused(silent, RedisFailoverMode.Force, "Garnet's masters do not vote", takeover);
        var plan = Plan(silent, RedisFailoverMode.Takeover);
        Assert.Equal("CLUSTER FAILOVER TAKEOVER", Assert.Single(plan.Commands).Command);
        Assert.Contains(plan.Warnings, warning => warning.Contains("divided network", StringComparison.Ordinal));
        Assert.Contains(plan.Warnings, warning => warning.EndsWith("It holds 49 keys.", StringComparison.Ordinal));
    }

    [Fact]
    public void A_replica_that_has_never_synchronized_is_refused_and_another_is_named()
    {
        var scene = Scene(Down).Reports("R", Never, keys: 0).Down("S");
        foreach (var mode in Enum.GetValues<RedisFailoverMode>())
            Refused(scene, mode, "never synchronized", "Invoke-RedisClusterFailover -Node 10.0.0.17:6379");
    }

    [Fact]
    public void A_graceful_failover_needs_the_link_to_the_master() =>
        Refused(Scene(Down), RedisFailoverMode.Graceful, "its link to its master 10.0.0.19:6379 is down", "wait until master_link_status");

    // A run that was killed after its command has promoted it.
    [Fact]
    public void A_master_needs_no_promotion_once_every_node_shows_it()
    {
        var plan = Plan(Promoted(), RedisFailoverMode.Graceful);
        Assert.Empty(plan.Commands);
        Assert.Equal("master of 5520 slots", plan.After);
        Assert.Null(plan.Proof(Promoted().View()));
        Assert.Contains("do not show " + R + " as a master yet", plan.Proof(Scene().View())!.Text);
    }

    [Fact]
    public void Open_slots_of_the_master_are_a_warning()
    {
        var plan = Plan(Scene().Migrating("S", "X").Importing("X", "S"), RedisFailoverMode.Graceful);
        Assert.Contains("Slot 5519 is open on 10.0.0.19:6379 or its replica. The new master has no flags", Assert.Single(plan.Warnings));
    }

    [Fact]
    public void It_is_complete_only_when_every_node_shows_the_new_owner_and_the_former_master_is_its_replica()
    {
        var proof = Plan(Scene(), RedisFailoverMode.Graceful).Proof;
        var still = proof(Scene().View())!;
        Assert.Contains("is still a replica", still.Text);
        Assert.Equal("CLUSTER FAILOVER", Assert.Single(still.Again).Command.ToString());
        Assert.InRange(still.AgainAfter, TimeSpan.FromSeconds(5.5), TimeSpan.FromSeconds(10));

        var promoted = Promoted();
        Assert.Null(proof(promoted.View()));
        Assert.Contains("10.0.0.21:6379 does not show", proof(Promoted().Believes("U", "S", "0-5519").View())!.Text);
        Assert.Contains("link to " + R + " is not up", proof(Promoted().Reports("S", Never).View())!.Text);
    }

    // Redis: it took 60 s, and then the failover was reported as not confirmed.
    [Fact]
    public void A_node_that_imports_a_slot_may_attribute_it_to_the_former_master()
    {
        var proof = Plan(Scene(), RedisFailoverMode.Graceful).Proof;
        Assert.Null(proof(Promoted().Importing("X", "S").Believes("X", "S", "5519").View()));
        Assert.NotNull(proof(Promoted().Importing("X", "S").Believes("X", "S", "5518-5519").View()));
    }

    private static ClusterScene Promoted() => new ClusterScene()
        .Master("R", epoch: 9, "0-5519").Master("X", epoch: 2, "5520-10999").Master("U", epoch: 4, "11000-16383")
        .Replica("S", of: "R").Replica("Q", of: "R").Reports("S", Up).Reports("Q", Up);

    private static MembershipPlan Plan(ClusterScene scene, RedisFailoverMode mode, string node = "R") =>
        new FailoverRequest(RedisClusterSession.Parse("10.0.0.1:6379"), ClusterScene.Id(node), mode)
            .Plan(new MembershipSituation(scene.View(), []));

    private static void Refused(ClusterScene scene, RedisFailoverMode mode, string why, string next)
    {
        var failure = Assert.Throws<RedisOperationException>(() => Plan(scene, mode));
        Assert.Equal(FailureCode.NodeUnsuitable, failure.Code);
        Assert.Contains(why, failure.Message);
        Assert.EndsWith("Nothing was changed.", failure.Message, StringComparison.Ordinal);
        Assert.StartsWith(next, NextActionText.Of(failure.Next!));
    }
}
