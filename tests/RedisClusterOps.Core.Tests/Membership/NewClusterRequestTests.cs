using System;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Membership;
using Xunit;

namespace RedisClusterOps.Core.Tests.Membership;

/// <summary>A cluster is formed from what the nodes report, so that the same request completes it after any command.</summary>
public class NewClusterRequestTests
{
    [Theory]
    [InlineData(3, 0)]
    [InlineData(6, 1)]
    [InlineData(7, 1)]
    [InlineData(9, 2)]
    [InlineData(1, 0)]
    public void After_any_number_of_commands_a_new_cluster_is_completed_by_the_same_request(int nodes, int replicas)
    {
        var request = NewCluster(nodes, replicas);
        var all = MemberModel.Separate(nodes).Plan(request).Steps.Count;
        for (var killed = 0; killed <= all; killed++)
        {
            var model = MemberModel.Separate(nodes);
            model.Carry(request, killed);
            // Gossip may have made some of the meetings unnecessary.
            Assert.InRange(model.Plan(request).Steps.Count, 0, all - killed);
            model.Carry(request);
            Assert.True(model.Plan(request).IsDone);
        }
    }

    [Fact]
    public void A_new_cluster_has_contiguous_slots_distinct_epochs_and_all_slots()
    {
        var model = MemberModel.Separate(7);
        model.Carry(NewCluster(7, 1));
        var servers = Enumerable.Range(1, 7).Select(model.At).ToList();
        Assert.All(servers.Take(3), server => Assert.Single(server.Slots.Ranges));
        Assert.Equal(16384, servers.Sum(server => server.Slots.Count));
        Assert.Equal(7, servers.Select(server => server.Epoch).Distinct().Count());
        Assert.Equal([2, 1, 1], servers.Take(3).Select(master => servers.Count(server => server.MasterId == master.Id)));
    }

    [Fact]
    public void A_new_cluster_is_refused_with_the_reason_of_every_node()
    {
        var model = MemberModel.Separate(5);
        model.At(1).Keys = 3;
        model.At(2).Slots = SlotSet.From([7]);
        model.At(3).IsUp = false;
        model.At(4).Known.Add(model.Start("10.0.9.9:6379").Id);
        var refusal = Assert.Throws<RedisOperationException>(() => model.Plan(NewCluster(5, 0)));
        Assert.Equal(FailureCode.NodeUnsuitable, refusal.Code);
        Assert.Contains("10.0.0.1:6379 holds 3 keys; 10.0.0.2:6379 owns 1 slot; 10.0.0.3:6379 could not be read", refusal.Message);
        Assert.Contains("10.0.0.4:6379 already belongs to a cluster: it lists 10.0.9.9:6379. Nothing was changed.", refusal.Message);
    }

    [Fact]
    public void A_formed_cluster_is_not_formed_again_whatever_keys_it_holds()
    {
        var model = MemberModel.Separate(4);
        model.Carry(NewCluster(4, 1));
        model.At(1).Keys = 100;
        Assert.True(model.Plan(NewCluster(4, 1)).IsDone);
        var other = Assert.Throws<RedisOperationException>(() => model.Plan(NewCluster(3, 0)));
        Assert.Equal(FailureCode.NodeUnsuitable, other.Code);
    }

    [Theory]
    [InlineData("a a b b c c", 3, true)]
    [InlineData("a b c a b c", 3, true)]
    [InlineData("a a a a b c", 3, false)]
    [InlineData("a b a b", 2, true)]
    [InlineData("a b b b a a", 2, true)]
    [InlineData("a a a a a a", 3, false)]
    public void A_replica_is_on_another_host_than_its_master_if_that_is_possible(string hosts, int masters, bool isPossible)
    {
        var names = hosts.Split(' ');
        var masterOf = ReplicaPlaces.Of(names, masters);
        Assert.Equal(names.Length - masters, masterOf.Count);
        var counts = Enumerable.Range(0, masters).Select(master => masterOf.Count(of => of == master)).ToList();
        Assert.InRange(counts.Max() - counts.Min(), 0, 1);
        Assert.Equal(isPossible, masterOf.Select((master, index) => names[master] != names[masters + index]).All(isOther => isOther));
    }

    [Fact]
    public void A_cluster_is_not_formed_while_a_node_is_listed_under_a_provisional_id()
    {
        var model = MemberModel.Separate(3);
        var request = NewCluster(3, 0);
        model.Carry(request);
        model.At(2).IsInHandshake = true;
        var missing = request.Plan(model.Read(request)).Proof(model.Read(request).View);
        Assert.Equal("10.0.0.2:6379 does not know every node by its id yet", missing?.Text);
        model.At(2).IsInHandshake = false;
        Assert.True(model.Plan(request).IsDone);
    }

    [Fact]
    public void A_lab_forms_a_cluster_of_any_layout()
    {
        var model = MemberModel.Separate(4);
        var request = NewCluster(4, 0) with { Shares = [SlotSet.From([0, 1, 2]), SlotSet.Empty, SlotSet.From([7])] };
        model.Carry(request);
        Assert.Equal(["0-2", "", "7", ""], Enumerable.Range(1, 4).Select(number => model.At(number).Slots.ToString()));
        Assert.Equal(model.At(1).Id, model.At(4).MasterId);
        // With uncovered slots the nodes never serve.
        Assert.True(model.Plan(request).IsDone);
    }

    internal static NewClusterRequest NewCluster(int nodes, int replicas) =>
        new(RedisClusterSession.Parse(string.Join(",", Enumerable.Range(1, nodes).Select(i => "10.0.0." + i + ":6379"))), replicas);
}
