using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Membership;
using Xunit;

namespace RedisClusterOps.Core.Tests.Membership;

/// <summary>A change of members is planned from what the nodes report, so it can be interrupted after any command.</summary>
public class MembershipPlanTests(ITestOutputHelper output)
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    [Theory]
    [InlineData(null, 1)]
    [InlineData("10.0.0.2:6379", 2)]
    public void After_any_number_of_commands_a_node_is_added_by_the_same_request(string? master, int commands)
    {
        for (var killed = 0; killed <= commands; killed++)
        {
            var model = MemberModel.Formed();
            var node = model.Start("10.0.0.4:6379");
            var request = new AddRequest(Session, node.Endpoint, master);
            Assert.Equal(commands, model.Plan(request).Steps.Count);
            model.Carry(request, killed);
            model.Carry(request);
            Assert.Empty(model.Plan(request).Steps);
            Assert.Null(model.Plan(request).Proof(model.Read(request).View));
            Assert.Equal(master is null ? null : model.At(2).Id, node.MasterId);
        }
    }

    [Theory]
    [InlineData("keys", FailureCode.NodeNotEmpty, "it holds 5 keys")]
    [InlineData("slots", FailureCode.NodeNotEmpty, "it owns 1 slot")]
    [InlineData("other cluster", FailureCode.NodeUnsuitable, "it already belongs to a cluster: it lists 10.0.9.9:6379")]
    [InlineData("no rights", FailureCode.PermissionDenied, "it does not permit this user to run INFO")]
    [InlineData("down", FailureCode.ConnectionFailed, "it could not be read")]
    public void A_node_that_is_not_empty_is_not_added(string trouble, FailureCode code, string reason)
    {
        var model = MemberModel.Formed();
        var node = model.Start("10.0.0.4:6379");
        if (trouble == "keys")
            node.Keys = 5;
        if (trouble == "slots")
            node.Slots = SlotSet.From([1]);
        if (trouble == "no rights")
            node.Keys = null;
        if (trouble == "other cluster")
            node.Known.Add(model.Start("10.0.9.9:6379").Id);
        node.IsUp = trouble != "down";
        var refusal = Assert.Throws<RedisOperationException>(() => model.Plan(new AddRequest(Session, node.Endpoint, null)));
        Assert.Equal(code, refusal.Code);
        Assert.StartsWith("10.0.0.4:6379 can't be added: " + reason, refusal.Message);
        Assert.EndsWith("Nothing was changed.", refusal.Message);
    }

    [Fact]
    public void A_known_node_is_met_again_at_its_new_address_by_each_node_that_lists_the_old_one()
    {
        var model = MemberModel.Formed();
        var moved = model.At(2);
        foreach (var viewer in new[] { model.At(1), model.At(3) })
            viewer.Listed[moved.Id] = moved.Endpoint;
        moved.Endpoint = new NodeEndpoint("10.0.7.7", 7000);
        var request = new AddRequest(Session, moved.Endpoint, null);
        var plan = model.Plan(request);
        Assert.Equal(
            ["10.0.0.1:6379 CLUSTER MEET 10.0.7.7 7000", "10.0.0.3:6379 CLUSTER MEET 10.0.7.7 7000"],
            plan.Commands.Select(command => command.Node + " " + command.Command).Order(StringComparer.Ordinal));
        Assert.Contains("lists the node at 10.0.0.2:6379", plan.Commands[0].Why);
        Assert.NotNull(plan.Proof(model.Read(request).View));
        model.Carry(request);
        Assert.Empty(model.Plan(request).Steps);
        Assert.Null(plan.Proof(model.Read(request).View));
    }

    [Fact]
    public void Each_of_ten_nodes_joins_a_hundred_by_one_command_and_leaves_by_one_for_each_other_node()
    {
        var model = MemberModel.Separate(100);
        output.WriteLine("100 nodes are formed by {0} commands", model.Plan(NewClusterRequestTests.NewCluster(100, 1)).Steps.Count);
        for (var number = 1; number <= 100; number++)
            model.Join(1, number).At(number).Slots = SlotSet.From([new SlotRange(163 * (number - 1), (163 * number) - 1)]);
        var (added, removed) = (new List<int>(), new List<int>());
        var clock = Stopwatch.StartNew();
        for (var number = 101; number <= 110; number++)
        {
            var request = new AddRequest(Session, model.Start("10.0.0." + number + ":6379").Endpoint, null);
            added.Add(model.Plan(request).Steps.Count);
            model.Carry(request);
        }

        output.WriteLine("10 added by {0} commands in {1:0.0} s", added.Sum(), clock.Elapsed.TotalSeconds);
        clock.Restart();
        for (var number = 101; number <= 110; number++)
        {
            var name = model.At(number).Endpoint.ToString();
            var request = new RemoveRequest(Session, name, Reset: true, AllowUnreachable: false, IsPreview: false);
            removed.Add(model.Plan(request).Steps.Count);
            model.Carry(request);
        }

        output.WriteLine("10 removed by {0} commands in {1:0.0} s", removed.Sum(), clock.Elapsed.TotalSeconds);
        Assert.Equal(Enumerable.Repeat(1, 10), added);
        Assert.Equal(Enumerable.Range(0, 10).Select(gone => 109 - gone + 1), removed);
    }

    [Fact]
    public void A_loopback_address_is_not_introduced_to_nodes_on_other_machines()
    {
        var model = MemberModel.Formed();
        var node = model.Start("127.0.0.1:7000");
        var refusal = Assert.Throws<RedisOperationException>(() => model.Plan(new AddRequest(Session, node.Endpoint, null)));
        Assert.Equal(FailureCode.InvalidArgument, refusal.Code);
        Assert.Contains("can't reach a loopback address", refusal.Message);
    }

    [Fact]
    public void A_replica_gets_another_master_and_the_plan_says_what_it_drops()
    {
        var model = MemberModel.Formed();
        model.At(3).Keys = 12;
        var request = new ReplicaRequest(Session, "10.0.0.3:6379", "10.0.0.2:6379");
        var plan = model.Plan(request);
        Assert.Contains("10.0.0.3:6379 drops 12 keys, copies of those on 10.0.0.1:6379, and loads those of 10.0.0.2:6379.", plan.Warnings);
        Assert.Contains(plan.Warnings, warning => warning.StartsWith("10.0.0.1:6379 is then without a replica.", StringComparison.Ordinal));
        Assert.Equal("replica of 10.0.0.1:6379", plan.Before);
        model.Carry(request);
        Assert.True(model.Plan(request).IsDone);
        Assert.Empty(model.Plan(request).Steps);
    }

    [Theory]
    [InlineData("10.0.0.1:6379", "10.0.0.2:6379", FailureCode.NodeNotEmpty, "it owns 8192 slots")]
    [InlineData("10.0.0.4:6379", "10.0.0.2:6379", FailureCode.NodeNotEmpty, "holds 9 keys, which may exist nowhere else")]
    [InlineData("10.0.0.3:6379", "10.0.0.3:6379", FailureCode.InvalidArgument, "it is the same node")]
    [InlineData("10.0.0.4:6379", "10.0.0.3:6379", FailureCode.InvalidArgument, "a replica can't have replicas")]
    public void A_change_that_would_lose_keys_or_fail_is_refused(string node, string master, FailureCode code, string reason)
    {
        var model = MemberModel.Formed();
        model.Start("10.0.0.4:6379").Keys = 9;
        model.Join(1, 4);
        var refusal = Assert.Throws<RedisOperationException>(() => model.Plan(new ReplicaRequest(Session, node, master)));
        Assert.Equal(code, refusal.Code);
        Assert.Contains(reason, refusal.Message);
        Assert.EndsWith("Nothing was changed.", refusal.Message);
    }

    [Fact]
    public void A_master_whose_keys_could_not_be_counted_stays_a_master()
    {
        var request = new ReplicaRequest(Session, "10.0.0.20:6379", "10.0.0.19:6379");
        var empty = request.Plan(new MembershipSituation(ClusterScene.Stable().Reports("T", keys: 0).View(), []));
        Assert.Single(empty.Steps);
        var refusal = Assert.Throws<RedisOperationException>(
            () => request.Plan(new MembershipSituation(ClusterScene.Stable().Reports("T", keys: null).View(), [])));
        Assert.Equal(FailureCode.NodeNotEmpty, refusal.Code);
        Assert.Contains("holds an unknown number of keys, which may exist nowhere else", refusal.Message);
    }

    [Theory]
    [InlineData(false, FailureCode.NodeUnsuitable, "its master 10.0.0.1:6379 owns 8192 slots and can't be read")]
    [InlineData(true, FailureCode.NodeNotEmpty, "it has never synchronized with its master, and holds 4 keys")]
    public void The_only_copy_of_keys_is_not_dropped(bool masterIsUp, FailureCode code, string reason)
    {
        var model = MemberModel.Formed();
        var session = RedisClusterSession.Parse("10.0.0.2:6379");
        model.At(1).IsUp = masterIsUp;
        model.At(3).Keys = 4;
        if (masterIsUp)
            model.At(3).Info = "master_link_status:down\r\nmaster_link_down_since_seconds:-1\r\n";
        var refusal = Assert.Throws<RedisOperationException>(
            () => model.Plan(new ReplicaRequest(session, "10.0.0.3:6379", "10.0.0.2:6379")));
        Assert.Equal(code, refusal.Code);
        Assert.Contains(reason, refusal.Message);
    }

    [Fact]
    public void A_replica_of_Garnet_keeps_its_master()
    {
        var model = MemberModel.Formed();
        model.At(3).Info = "garnet_version:2.2.8\r\n";
        var refusal = Assert.Throws<RedisOperationException>(
            () => model.Plan(new ReplicaRequest(Session, "10.0.0.3:6379", "10.0.0.2:6379")));
        Assert.Equal(FailureCode.NodeUnsuitable, refusal.Code);
        Assert.Contains("Garnet does not give a replica another master. Nothing was changed.", refusal.Message);
    }

    [Fact]
    public void A_replica_that_still_loads_is_not_confirmed()
    {
        var model = MemberModel.Formed();
        model.At(3).MasterId = model.At(2).Id;
        model.At(3).Info = "master_link_status:down\r\nmaster_sync_in_progress:1\r\nmaster_sync_left_bytes:5242880\r\n";
        var request = new ReplicaRequest(Session, "10.0.0.3:6379", "10.0.0.2:6379");
        var plan = model.Plan(request);
        Assert.False(plan.IsDone);
        Assert.Empty(plan.Steps);
        var missing = plan.Proof(model.Read(request).View);
        Assert.Equal("10.0.0.3:6379's link to 10.0.0.2:6379 is not up, 5 MB are left to load", missing?.Text);
    }
}
