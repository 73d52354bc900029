using System;
using System.Linq;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>Merges all views into one: a master's own line decides which slots it owns; if two claim a slot, the epoch decides.</summary>
public class ClusterViewTests
{
    private const int Slot = ClusterScene.Slot;
    private const string AllButSlot = "0-5518,5520-8191";

    [Fact]
    public void Each_slot_has_the_owner_that_claims_it()
    {
        var view = ClusterScene.Stable().View();
        Assert.Equal("0-8191", view.SlotsOf(ClusterScene.Id("S")).ToString());
        Assert.Equal("8192-16383", view.SlotsOf(ClusterScene.Id("X")).ToString());
        Assert.Equal(0, view.SlotsOf(ClusterScene.Id("T")).Count);
        Assert.Equal(0, view.UnownedSlots.Count);
    }

    [Theory]
    [InlineData(5, 6, "T")]
    [InlineData(6, 5, "S")]
    public void Of_two_claimants_the_highest_epoch_owns_it(long sourceEpoch, long targetEpoch, string owner)
    {
        var view = new ClusterScene()
            .Master("S", sourceEpoch, "0-8191").Master("X", 1, "8192-16383").Master("T", targetEpoch, "5519").View();
        Assert.Equal(owner, Owner(view));
        Assert.Equal([ClusterScene.Id(owner), ClusterScene.Id(owner == "S" ? "T" : "S")], view.ContestedClaims[Slot]);
        Assert.Single(view.ContestedClaims);
    }

    [Fact]
    public void A_node_names_the_masters_with_slots_that_have_failed()
    {
        string WhyDown(ClusterScene scene) => scene.View().Node(ClusterScene.Id("S"))!.View!.WhyDown;
        Assert.Empty(WhyDown(ClusterScene.Stable().Down("T")));
        Assert.Equal(": 10.0.0.24:6379 has failed", WhyDown(ClusterScene.Stable().Down("X").Down("T")));
        var many = Enumerable.Range('A', 6).Aggregate(ClusterScene.Stable(), (scene, name) =>
            scene.Master(((char)name).ToString(), 9, "0").Down(((char)name).ToString()));
        Assert.Equal(
            ": 10.0.0.1:6379, 10.0.0.2:6379, 10.0.0.3:6379, 10.0.0.4:6379, 10.0.0.5:6379, … have failed", WhyDown(many));
    }

    [Fact]
    public void A_master_that_does_not_claim_a_slot_does_not_own_it_whatever_the_others_report()
    {
        var view = ClusterScene.Stable().Claims("S", AllButSlot).View();
        Assert.Null(Owner(view));
        Assert.Equal("5519", view.UnownedSlots.ToString());
    }

    [Fact]
    public void A_master_that_claims_a_slot_owns_it_even_if_no_other_node_reports_it() =>
        Assert.Equal("T", Owner(ClusterScene.Stable().Claims("S", AllButSlot).Claims("T", "5519").View()));

    [Fact]
    public void An_unreachable_master_owns_the_slots_that_the_others_report_for_it()
    {
        var view = ClusterScene.Stable().Down("S").View();
        Assert.Equal("S", Owner(view));
        Assert.Equal(8192, view.SlotsOf(ClusterScene.Id("S")).Count);
    }

    [Fact]
    public void The_claim_of_a_reachable_master_beats_the_reports_about_an_unreachable_one() =>
        Assert.Equal("T", Owner(ClusterScene.Stable().Down("S").Claims("T", "5519").View()));

    [Fact]
    public void The_fingerprint_changes_if_and_only_if_an_owner_changes()
    {
        var stable = ClusterScene.Stable().View().Fingerprint;
        ClusterScene[] same =
        [
            ClusterScene.Stable(),
            ClusterScene.Wedged(),
            ClusterScene.Stable().Down("X"),
            ClusterScene.Stable().Believes("X", "T", "5519"),
            ClusterScene.Stable().Replica("R", of: "S"),
            ClusterScene.Stable().Master("U", epoch: 9),
            ClusterScene.Stable().Reports("S", keys: 5, cpu: 50),
        ];
        ClusterScene[] other =
        [
            ClusterScene.Stable().Claims("S", AllButSlot),
            ClusterScene.Stable().Claims("S", AllButSlot).Claims("T", "5519"),
            ClusterScene.Stable().Claims("S", "0-8190").Claims("X", "8191-16383"),
            ClusterScene.Stable().Claims("S", "0-16382").Claims("X", "16383"),
        ];
        Assert.All(same, scene => Assert.Equal(stable, scene.View().Fingerprint));
        Assert.All(other, scene => Assert.NotEqual(stable, scene.View().Fingerprint));
        Assert.Equal(other.Length, other.Select(scene => scene.View().Fingerprint).Distinct().Count());
    }

    [Fact]
    public void Dissenters_are_the_reachable_nodes_that_report_another_owner()
    {
        var view = ClusterScene.Stable().Claims("S", AllButSlot).Claims("T", "5519").View();
        // T has the current owner, S reports no owner, X still reports the old one.
        Assert.Equal(["S none", "X S"], view.Dissenters(Slot, ClusterScene.Id("T"))
            .Select(dissent => Short(dissent.Node.Id) + " " + (dissent.Owner is { } id ? Short(id) : "none")));
        Assert.Equal("5519", view.DisputedSlots().ToString());
    }

    [Fact]
    public void An_unreachable_node_is_not_a_dissenter()
    {
        var scene = ClusterScene.Stable().Believes("X", "T", "5519").Believes("X", "S", AllButSlot);
        Assert.Equal(["X"], scene.View().Dissenters(Slot, ClusterScene.Id("S")).Select(dissent => Short(dissent.Node.Id)));
        Assert.Empty(scene.Down("X").View().Dissenters(Slot, ClusterScene.Id("S")));
        Assert.Equal(0, scene.View().DisputedSlots().Count);
    }

    // DisputedSlots skips equal sets, so views differ here in every way: more slots, fewer, none, or those of a node that owns nothing.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Exactly_the_slots_with_a_dissenter_are_disputed(int seed)
    {
        var random = new Random(seed);
        string[] names = ["A", "B", "C", "D", "E"];
        for (var round = 0; round < 20; round++)
        {
            var scene = new ClusterScene()
                .Master("A", 1, "0-4000").Master("B", 2, "4001-8000,8100").Master("C", 3, "8001-8099,8101-16000")
                .Master("D", 4).Master("E", 5);
            for (var differences = random.Next(4); differences > 0; differences--)
                scene.Believes(names[random.Next(5)], names[random.Next(5)], random.Next(3) == 0 ? null : Range(random));
            if (random.Next(2) == 0)
                scene.Claims(names[random.Next(5)], Range(random));
            if (random.Next(3) == 0)
                scene.Down(names[random.Next(5)]);
            var view = scene.View();
            Assert.Equal(
                SlotSet.From(Enumerable.Range(0, HashSlot.Count).Where(slot => view.Dissenters(slot, view.OwnerOf(slot)).Count > 0))
                    .ToString(),
                view.DisputedSlots().ToString());
        }

        static string Range(Random random) =>
            random.Next(16384) is var first && random.Next(first, 16384) is var last && first == last
                ? first.ToString()
                : first + "-" + last;
    }

    [Fact]
    public void A_consistent_cluster_has_no_disputed_slots() => Assert.Equal(0, ClusterScene.Wedged().View().DisputedSlots().Count);

    [Fact]
    public void Flags_are_those_of_reachable_masters_sorted_by_slot_migrating_first()
    {
        var view = ClusterScene.Wedged().Importing("T", "S", slot: 7).Replica("R", of: "S").Migrating("R", "T", slot: 8).View();
        Assert.Equal(["7 T <- S", "5519 S -> T", "5519 T <- S"], view.OpenFlags.Select(flag =>
            flag.Slot + " " + Short(flag.NodeId) + (flag.IsMigrating ? " -> " : " <- ") + Short(flag.PeerId)));
        Assert.Empty(view.FlagsOf(8));
        Assert.Single(ClusterScene.Wedged().Down("S").View().FlagsOf(Slot));
    }

    [Fact]
    public void The_shard_master_is_found_after_a_failover_and_a_loop_of_replicas_has_none()
    {
        var view = ClusterScene.Stable().Master("N", 9).BecameReplica("S", of: "N").Replica("R", of: "S").View();
        Assert.Equal("N", Short(view.ShardMaster(ClusterScene.Id("R"))!.Id));
        Assert.Equal("X", Short(view.ShardMaster(ClusterScene.Id("X"))!.Id));
        Assert.Null(view.ShardMaster("unknown"));
        Assert.Null(ClusterScene.Stable().Replica("P", of: "Q").Replica("Q", of: "P").View().ShardMaster(ClusterScene.Id("P")));
        Assert.Null(ClusterScene.Stable().Replica("P", of: "gone").View().ShardMaster(ClusterScene.Id("P")));
    }

    private static string? Owner(ClusterView view) => view.OwnerOf(Slot) is { } id ? Short(id) : null;

    private static string Short(string id) => id.TrimEnd('0');
}
