using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// The simulated servers lose keys where real servers did (laws 13, 14, 18 and 19), and only there. Bare commands stand for a core that
/// does not know the law. Each loss has its counterpart that keeps the keys.
/// </summary>
public class NodeLossTests
{
    public static TheoryData<string> Servers => ["redis-7.0", "redis-8.6", "valkey-9.1"];

    // Law 13. ADDSLOTS raises no epoch, so the old owner returns with the higher one.
    [Theory]
    [InlineData("redis-7.0", false)]
    [InlineData("redis-8.6", false)]
    [InlineData("valkey-9.1", false)]
    [InlineData("redis-7.0", true)]
    [InlineData("redis-8.6", true)]
    [InlineData("valkey-9.1", true)]
    public void A_forgotten_owner_that_returns_takes_slots_that_were_given_without_an_epoch(string server, bool bumps)
    {
        var bare = new BareCluster(Rules(server), options: new SceneOptions { Keys = 0, Replicas = false, HighSourceEpoch = true });
        bare.DieAndBeForgotten(bare.Source);
        BareCluster.Send(bare.Target, "CLUSTER", "ADDSLOTSRANGE", 0, SlotMap.Moving);
        if (bumps)
            Assert.StartsWith("BUMPED", BareCluster.Ask(bare.Target, "CLUSTER", "BUMPEPOCH"));
        bare.Cluster.Settle();
        bare.Write(bare.Target, 5);

        // While the ban lasts, a node that was met is forgotten again.
        bare.Pass(SimulatedNode.BanOfForgotten.TotalMilliseconds);
        bare.Source.Start();
        bare.Cluster.Settle();
        Assert.Equal(0, bare.Lost);
        BareCluster.Send(bare.Other, "CLUSTER", "MEET", bare.Source.Endpoint.Host, bare.Source.Endpoint.Port);
        bare.Cluster.Settle();

        Assert.Equal(bumps ? 0 : 5, bare.Lost);
    }

    // Law 13: forgotten by all but one. The ban lasts a minute, then gossip of the one brings the node back.
    [Fact]
    public void A_node_that_one_node_still_knows_is_known_to_all_again_after_the_ban()
    {
        var bare = new BareCluster(ServerRules.Redis70, options: new SceneOptions { Replicas = false });
        foreach (var node in bare.Cluster.Nodes.Where(node => node != bare.Source && node != bare.Other))
            BareCluster.Send(node, "CLUSTER", "FORGET", bare.Source.Id);
        bare.Pass(58_000);
        Assert.Null(BareCluster.LineOf(bare.Target, bare.Source));
        bare.Pass(5_000);
        Assert.NotNull(BareCluster.LineOf(bare.Target, bare.Source));
        Assert.Equal(bare.Source.Index, bare.Target.Owner[SlotMap.MovingPart]);
    }

    // Law 14. A script runs on the owner, or it refuses our password: its clients and the other nodes do not notice.
    [Theory]
    [MemberData(nameof(Servers))]
    public void An_owner_that_answers_us_with_an_error_loses_all_keys_of_a_slot_that_is_taken_from_it(string server)
    {
        var bare = new BareCluster(Rules(server));
        bare.Cluster.DetectsFailures = true;
        bare.Source.RefusesAllWith = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
        bare.Pass(10_000);
        Assert.All(bare.Cluster.Nodes, node => Assert.DoesNotContain("fail", BareCluster.LineOf(node, bare.Source)));

        BareCluster.SetSlot(bare.Target, "IMPORTING", bare.Source);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        bare.Pass(100);

        Assert.Equal(8, bare.Lost);
    }

    // Law 14: fail? is what one node believes. fail takes a majority.
    [Fact]
    public void An_owner_that_one_node_misses_has_not_failed()
    {
        var bare = new BareCluster(ServerRules.Redis70);
        bare.Cluster.DetectsFailures = true;
        bare.Cluster.Cut(bare.Source.Index, bare.Target.Index);
        bare.Pass(10_000);
        Assert.Contains("master,fail? ", BareCluster.LineOf(bare.Target, bare.Source));
        Assert.DoesNotContain("fail", BareCluster.LineOf(bare.Other, bare.Source));

        bare.Cluster.Cut(bare.Source.Index, bare.Target.Index, isCut: false);
        bare.Pass(2_000);
        Assert.DoesNotContain("fail", BareCluster.LineOf(bare.Target, bare.Source));
    }

    [Fact]
    public void An_owner_that_a_majority_misses_has_failed_for_all()
    {
        var bare = new BareCluster(ServerRules.Redis70);
        bare.Cluster.DetectsFailures = true;
        bare.Source.Crash();
        bare.Pass(3_000);
        var others = bare.Cluster.Nodes.Where(node => node.IsUp);
        Assert.All(others, node => Assert.Contains("master,fail ", BareCluster.LineOf(node, bare.Source)));
    }

    // Law 18, on Valkey.
    [Fact]
    public void A_flag_on_a_replica_opens_the_slot_when_the_replica_is_promoted()
    {
        var bare = new BareCluster(ServerRules.Valkey91);
        bare.Replica.Migrating[SlotMap.MovingPart] = bare.Target.Index;
        Assert.False(bare.Scene.IsOpen);
        Assert.Contains("[5519->-" + bare.Target.Id, BareCluster.LineOf(bare.Replica, bare.Replica));
        BareCluster.TakeOver(bare.Replica);
        bare.Pass(10);
        Assert.True(bare.Scene.IsOpen);
    }

    [Fact]
    public void STABLE_on_the_master_clears_the_flag_of_its_replica()
    {
        var bare = new BareCluster(ServerRules.Valkey91);
        bare.Replica.Migrating[SlotMap.MovingPart] = bare.Target.Index;
        BareCluster.Send(bare.Source, "CLUSTER", "SETSLOT", SlotMap.Moving, "STABLE");
        BareCluster.TakeOver(bare.Replica);
        bare.Pass(10);
        Assert.False(bare.Scene.IsOpen);
    }

    // Law 19: no node has a key, and every view is healthy.
    [Theory]
    [MemberData(nameof(Servers))]
    public void A_replica_without_its_first_sync_that_is_promoted_has_no_key(string server)
    {
        var bare = new BareCluster(Rules(server));
        bare.Replica.LoseSync();
        bare.Source.Crash();
        BareCluster.TakeOver(bare.Replica);
        bare.Cluster.Settle();
        Assert.Equal("0", BareCluster.Ask(bare.Replica, "CLUSTER", "COUNTKEYSINSLOT", SlotMap.Moving));
        Assert.Equal(8, bare.Source.Keys.CountIn(SlotMap.MovingPart));
        bare.Source.Start();
        bare.Cluster.Settle();
        Assert.False(bare.Source.IsMaster);
        Assert.Equal(0, bare.Source.Keys.CountIn(SlotMap.MovingPart));
    }

    private static ServerRules Rules(string server) => ServerRules.All.Single(rules => rules.Name == server);
}
