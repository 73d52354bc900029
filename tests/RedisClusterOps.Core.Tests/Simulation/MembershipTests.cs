using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Nodes of which others have another view, and what they reply then (law 15).</summary>
public class MembershipTests
{
    // Repairs that once lost keys: an owner that every other node had forgotten, a replica that took its master's place while
    // the views were read, and a target that refused to be read while another node held keys.
    [Theory]
    [InlineData(88648)]
    [InlineData(27227)]
    [InlineData(3258)]
    [InlineData(98027)]
    [InlineData(26317)]
    public void Histories_of_repairs_lose_no_key(int seed) =>
        Assert.Empty(History.Run(seed, membersChange: true).Violations);

    [Fact]
    public void A_node_refuses_an_id_that_it_does_not_know()
    {
        var bare = new BareCluster(ServerRules.Redis70, options: new SceneOptions { Replicas = false });
        BareCluster.Send(bare.Target, "CLUSTER", "FORGET", bare.Source.Id);
        Assert.Equal("ERR I don't know about node " + bare.Source.Id, Import());
        Assert.Equal(
            "ERR Unknown node " + bare.Source.Id,
            BareCluster.Ask(bare.Target, "CLUSTER", "SETSLOT", SlotMap.Moving, "NODE", bare.Source.Id));

        BareCluster.Send(bare.Target, "CLUSTER", "MEET", bare.Source.Endpoint.Host, bare.Source.Endpoint.Port);
        bare.Pass(5);
        Assert.Equal("OK", Import());

        string Import() => BareCluster.Ask(bare.Target, "CLUSTER", "SETSLOT", SlotMap.Moving, "IMPORTING", bare.Source.Id);
    }

    // The owner handed the slot to a master that was not importing it. No node owns it, and no gossip heals it: the recipient believes
    // that its former owner still does.
    [Fact]
    public void ADDSLOTS_is_refused_where_the_slot_has_an_owner_in_the_view_of_the_recipient()
    {
        var bare = new BareCluster(ServerRules.Redis70, options: new SceneOptions { Keys = 0 });
        BareCluster.SetSlot(bare.Source, "NODE", bare.Target);
        bare.Cluster.Settle();
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Equal("ERR Slot 5519 is already busy", BareCluster.Ask(bare.Target, "CLUSTER", "ADDSLOTS", SlotMap.Moving));
            bare.Cluster.Settle();
        }

        BareCluster.SetSlot(bare.Target, "IMPORTING", bare.Source);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        bare.Cluster.Settle();
        Assert.All(bare.Cluster.Nodes, node => Assert.Equal(bare.Target.Index, node.Owner[SlotMap.MovingPart]));
    }

    [Fact]
    public void ADDSLOTS_assigns_all_of_its_slots_or_none()
    {
        var bare = new BareCluster(ServerRules.Redis70, options: new SceneOptions { Keys = 0 });
        bare.Cluster.Assign(SlotMap.MovingPart, SimulatedNode.NoNode);
        Assert.Equal("ERR Slot 0 is already busy", BareCluster.Ask(bare.Target, "CLUSTER", "ADDSLOTSRANGE", 0, SlotMap.Moving));
        Assert.Equal(SimulatedNode.NoNode, bare.Target.Owner[SlotMap.MovingPart]);
        BareCluster.Send(bare.Target, "CLUSTER", "ADDSLOTSRANGE", SlotMap.Moving, SlotMap.Moving);
        Assert.Equal(bare.Target.Index, bare.Target.Owner[SlotMap.MovingPart]);
    }

    [Fact]
    public void A_node_that_returns_under_a_new_id_leaves_its_old_id_without_an_address()
    {
        var bare = new BareCluster(ServerRules.Redis70, options: new SceneOptions { Replicas = false, Spares = 1 });
        bare.Cluster.DetectsFailures = true;
        var spare = bare.Cluster.Nodes[^1];
        bare.Source.Crash();
        bare.Cluster.Replace(bare.Source, spare);
        bare.Pass(5_000);
        Assert.Contains(" :0@0 master,fail,noaddr ", BareCluster.LineOf(bare.Target, bare.Source));
        Assert.Null(BareCluster.LineOf(bare.Target, spare));
        Assert.Single(spare.DescribeNodes().Split('\n', System.StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_node_that_moves_is_found_at_its_new_address_once_it_has_spoken()
    {
        var bare = new BareCluster(ServerRules.Redis70);
        bare.Source.MoveTo(new NodeEndpoint("10.0.9.1", 6379));
        Assert.Contains("10.0.0.1:6379", BareCluster.LineOf(bare.Target, bare.Source));
        bare.Pass(10_000);
        Assert.Contains("10.0.9.1:6379", BareCluster.LineOf(bare.Target, bare.Source));
    }

    [Fact]
    public void A_replica_cannot_forget_its_master_and_no_node_forgets_itself()
    {
        var bare = new BareCluster(ServerRules.Redis70);
        Assert.Equal("ERR Can't forget my master!", BareCluster.Ask(bare.Replica, "CLUSTER", "FORGET", bare.Source.Id));
        Assert.StartsWith("ERR I tried hard", BareCluster.Ask(bare.Source, "CLUSTER", "FORGET", bare.Source.Id));
        Assert.StartsWith("ERR Unknown node", BareCluster.Ask(bare.Source, "CLUSTER", "FORGET", new string('9', 40)));
    }

    // Redis 7.2 and later, and Valkey.
    [Fact]
    public void Forgetting_on_one_node_spreads_to_the_others()
    {
        var bare = new BareCluster(ServerRules.Redis86, options: new SceneOptions { Replicas = false });
        BareCluster.Send(bare.Other, "CLUSTER", "FORGET", bare.Source.Id);
        bare.Cluster.Settle();
        var rest = bare.Cluster.Nodes.Where(node => node != bare.Source);
        Assert.All(rest, node => Assert.Null(BareCluster.LineOf(node, bare.Source)));
    }
}
