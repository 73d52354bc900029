using System;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Membership;
using Xunit;

namespace RedisClusterOps.Core.Tests.Membership;

/// <summary>Which node may be removed, in which order the commands are sent, and when the removal is complete.</summary>
public sealed class RemoveRequestTests
{
    private const string Up = "redis_version:7.0.15\nmaster_link_status:up\n";

    // S, X and U own a third each, T owns nothing; R is a replica of S, Q one of T.
    private static ClusterScene Scene() => new ClusterScene()
        .Master("S", epoch: 1, "0-5519").Master("X", epoch: 2, "5520-10999").Master("U", epoch: 4, "11000-16383").Master("T", epoch: 3)
        .Replica("R", of: "S").Replica("Q", of: "T")
        .Reports("S", keys: 50).Reports("X", keys: 5).Reports("U", keys: 5).Reports("T", keys: 0).Reports("R", Up, keys: 50)
        .Reports("Q", Up, keys: 0);

    [Fact]
    public void Its_replicas_get_another_master_before_any_node_forgets_it()
    {
        var plan = Plan(Scene(), "T");
        // S has a replica already.
        Assert.Equal("CLUSTER REPLICATE " + ClusterScene.Id("U"), plan.Commands[0].Command);
        Assert.Equal("10.0.0.17:6379", plan.Commands[0].Node);
        Assert.All(plan.Commands.Skip(1), command => Assert.Equal("CLUSTER FORGET " + ClusterScene.Id("T"), command.Command));
        Assert.Equal(["Q", "R", "S", "U", "X"], plan.Steps.Skip(1).Select(step => step.Node.Id.TrimEnd('0')).Order());
        Assert.NotNull(plan.Steps[1].After!(Scene().View()));
        Assert.All(plan.Steps.Skip(2), step => Assert.Null(step.After));
        Assert.Contains(plan.Warnings, text => text.StartsWith("10.0.0.20:6379 is alive and still lists the", StringComparison.Ordinal));
        Assert.DoesNotContain(Plan(Scene(), "T", reset: true).Warnings, text => text.Contains("is alive", StringComparison.Ordinal));
    }

    [Fact]
    public void A_reset_comes_last_when_no_other_node_lists_it()
    {
        var plan = Plan(Scene(), "T", reset: true);
        Assert.Equal("CLUSTER RESET HARD", plan.Commands[^1].Command);
        Assert.Equal("10.0.0.20:6379", plan.Commands[^1].Node);
        Assert.NotNull(plan.Steps[^1].After!(Scene().View()));
    }

    [Fact]
    public void A_node_that_forgot_it_already_has_done_the_command() =>
        Assert.True(Plan(Scene(), "T").Steps[1].IsDoneBy!("ERR Unknown node " + ClusterScene.Id("T")));

    [Fact]
    public void Where_gossip_brought_it_back_it_is_forgotten_again()
    {
        var proof = Plan(Scene(), "T").Proof;
        var back = Scene().Forgot("S", "T").Forgot("X", "T").Forgot("R", "T").Forgot("Q", "T");
        var missing = proof(back.View())!;
        Assert.Equal("10.0.0.21:6379 still lists 10.0.0.20:6379", missing.Text);
        var again = Assert.Single(missing.Again);
        Assert.Equal(ClusterScene.Id("U"), again.Node.Id);
        Assert.Equal("CLUSTER FORGET " + ClusterScene.Id("T"), again.Command.ToString());
        Assert.Null(proof(back.Forgot("U", "T").View()));
    }

    [Fact]
    public void A_live_master_with_slots_needs_a_drain_and_a_dead_one_its_replica()
    {
        Refused(Scene(), "S", FailureCode.NodeNotEmpty, "it owns 5520 slots", "Remove-RedisClusterNode -Node 10.0.0.19:6379 -Drain");
        Refused(
            Scene().Down("S"), "S", FailureCode.NodeNotEmpty, "it owns 5520 slots",
            "Invoke-RedisClusterFailover -Node 10.0.0.18:6379 -Mode Force");
        Refused(Scene().Down("X"), "X", FailureCode.NodeNotEmpty, "it owns 5480 slots", "Repair-RedisCluster -AllowUnreachableNode");
        Assert.DoesNotContain(Plan(Scene(), "S", preview: true).Commands, command => command.Node == "10.0.0.19:6379");
    }

    [Fact]
    public void On_Garnet_a_silent_node_without_slots_is_removed_and_one_with_a_replica_is_not()
    {
        const string Garnet = "garnet_version:2.2.8\n";
        var scene = new ClusterScene()
            .Master("S", epoch: 1, "0-8191").Master("X", epoch: 2, "8192-16383").Master("T", epoch: 3).Replica("R", of: "S")
            .Reports("S", Garnet, keys: 1).Reports("X", Garnet, keys: 1).Reports("R", Garnet + "master_link_status:up\n", keys: 1);
        Refused(
            scene, "S", FailureCode.NodeUnsuitable, "needs another master, and Garnet does not give it one",
            "Remove-RedisClusterNode -Node 10.0.0.18:6379 -Reset", preview: true);
        scene.In("T", RedisNodeState.Unreachable, "no answer");
        Assert.Equal(3, Plan(scene, "T").Commands.Count);
        scene.In("X", RedisNodeState.Unreachable, "no answer");
        Refused(
            scene, "X", FailureCode.NodeUnreachable, "Garnet's nodes do not report failed ones, so it may serve clients",
            "Get-RedisClusterNode");
    }

    [Fact]
    public void Keys_that_no_other_node_may_have_are_not_removed()
    {
        Refused(Scene().Reports("T", keys: 3), "T", FailureCode.NodeNotEmpty, "holds 3 keys", "Get-RedisClusterHealth -Deep");
        Refused(Scene().Reports("T", keys: null), "T", FailureCode.NodeNotEmpty, "an unknown number of keys", "Get-RedisClusterHealth");
        Refused(Scene().Down("S"), "R", FailureCode.NodeNotEmpty, "may hold the only copy", "Invoke-RedisClusterFailover");
        var never = "redis_version:7.0.15\nmaster_link_status:down\nmaster_link_down_since_seconds:-1\n";
        Refused(Scene().Reports("R", never, keys: 3), "R", FailureCode.NodeNotEmpty, "never synchronized", "Get-RedisClusterHealth -Deep");
    }

    [Fact]
    public void A_replica_is_removed_with_a_warning_if_it_is_the_last_one() =>
        Assert.Contains("10.0.0.19:6379 is then without a replica.", Plan(Scene(), "R").Warnings);

    [Fact]
    public void A_dead_node_without_slots_is_forgotten_by_every_node_that_lists_it()
    {
        var plan = Plan(Scene().Down("T").Forgot("X", "T"), "T", reset: true);
        Assert.Equal(["Q", "R", "S", "U"], plan.Steps.Skip(1).Select(step => step.Node.Id.TrimEnd('0')).Order());
        Assert.Equal("master of no slots, dead", plan.Before);
        Assert.Contains(plan.Warnings, text => text.Contains("may return to the cluster", StringComparison.Ordinal));
    }

    [Fact]
    public void A_node_without_an_address_and_one_in_handshake_are_forgotten_too()
    {
        var lost = Scene().In("T", RedisNodeState.NoAddress, "no address").Flags("S", "T", NodeFlags.NoAddress);
        Assert.Equal("a node without an address", Plan(lost, "T").Before);
        Assert.Equal("in handshake", Plan(Scene().In("T", RedisNodeState.Handshake, "in handshake"), "T").Before);
    }

    [Fact]
    public void A_node_that_may_be_alive_is_not_removed()
    {
        Refused(
            Scene().In("T", RedisNodeState.Unreachable, "no answer"), "T", FailureCode.NodeUnreachable, "no node reports it as failing",
            "Connect-RedisCluster -AddressMap");
        Refused(
            Scene().Refuses("T", FailureCode.NodeBusy, "BUSY a script"), "T", FailureCode.NodeBusy, "is alive", "Get-RedisClusterNode");
    }

    [Fact]
    public void Another_node_that_can_t_be_read_needs_consent_because_it_may_bring_it_back()
    {
        var scene = Scene().Down("X");
        Refused(
            scene, "T", FailureCode.NodeUnreachable, "brings it back after 60 s",
            "Remove-RedisClusterNode -Node " + ClusterScene.Id("T") + " -AllowUnreachableNode");
        Assert.DoesNotContain(Plan(scene, "T", allow: true).Commands, command => command.Node == "10.0.0.24:6379");
    }

    [Fact]
    public void A_node_with_an_open_slot_is_refused() => Refused(
        Scene().Migrating("S", "T").Importing("T", "S"), "T", FailureCode.NodeUnsuitable, "slot 5519 is open",
        "Get-RedisOpenSlot -Slot 5519");

    [Fact]
    public void An_id_that_no_node_lists_is_removed_already()
    {
        var plan = Plan(Scene(), "Z");
        Assert.Empty(plan.Commands);
        Assert.Null(plan.Proof(Scene().View()));
        var failure = Assert.Throws<RedisOperationException>(() => new RemoveRequest(Session, "10.0.0.99:6379", false, false, false)
            .Plan(new MembershipSituation(Scene().View(), [])));
        Assert.Equal(FailureCode.NodeNotFound, failure.Code);
    }

    [Fact]
    public void A_node_that_was_forgotten_but_not_reset_is_reset_by_the_same_command()
    {
        var own = Scene().View().Node(ClusterScene.Id("T"))!.View!;
        var scene = Scene();
        foreach (var other in new[] { "S", "X", "U", "R", "Q" })
            scene.Forgot(other, "T");
        var rest = new ClusterView([.. scene.View().Nodes.Where(node => node.Id != own.Id)], DateTime.UtcNow);
        var request = new RemoveRequest(Session, "10.0.0.20:6379", Reset: true, AllowUnreachable: false, IsPreview: false);
        Assert.Equal("10.0.0.20:6379", Assert.Single(request.Candidates).ToString());
        var plan = request.Plan(new MembershipSituation(rest, [new Candidate(own.Dialled, own, null)]));
        Assert.Equal("CLUSTER RESET HARD", Assert.Single(plan.Commands).Command);

        // By its id: the journal of the run that was killed has the address.
        var byId = request with { Node = own.Id };
        Assert.Empty(byId.Candidates);
        var removed = new RemovedNode(own.Id, own.Dialled);
        var found = new MembershipSituation(rest, [new Candidate(own.Dialled, own, null)]) { Removed = removed };
        Assert.Equal("CLUSTER RESET HARD", Assert.Single(byId.Plan(found).Commands).Command);
    }

    [Fact]
    public void A_dead_node_that_every_node_has_forgotten_is_removed_already_by_whatever_name_the_command_has()
    {
        var removed = new RemovedNode(ClusterScene.Id("Z"), new NodeEndpoint("10.0.0.99", 6379));
        foreach (var name in new[] { "10.0.0.99:6379", "6379", ClusterScene.Id("Z")[..8] })
        {
            var plan = new RemoveRequest(Session, name, false, false, false)
                .Plan(new MembershipSituation(Scene().View(), []) { Removed = removed });
            Assert.Equal((0, "10.0.0.99:6379", removed.Id), (plan.Commands.Count, plan.Node, plan.NodeId));
        }
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(4, 6)]
    public void After_any_number_of_commands_a_node_is_removed_by_the_same_request(int number, int commands)
    {
        for (var killed = 0; killed <= commands; killed++)
        {
            // The fourth node is a master without slots, the fifth its replica.
            var model = MemberModel.Formed();
            model.Start("10.0.0.4:6379");
            model.Start("10.0.0.5:6379");
            model.Join(1, 4).Join(1, 5);
            model.At(5).MasterId = model.At(4).Id;
            var node = model.At(number);
            if (number == 3)
                model = Without(model, 4, 5);
            var request = new RemoveRequest(Session, node.Endpoint.ToString(), Reset: true, AllowUnreachable: false, IsPreview: false);
            Assert.Equal(commands, model.Plan(request).Steps.Count);
            foreach (var step in model.Plan(request).Steps.Take(killed))
                model.Apply(step);
            foreach (var step in model.Plan(request).Steps)
                model.Apply(step);
            Assert.Empty(model.Plan(request).Steps);
            Assert.Empty(node.Known);
            Assert.All(Enumerable.Range(1, 3), other => Assert.DoesNotContain(node.Id, model.At(other).Known));
            Assert.NotEqual(node.Id, model.At(5).MasterId);
        }
    }

    private static MemberModel Without(MemberModel model, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            var gone = model.At(number);
            gone.Known.Clear();
            gone.MasterId = null;
            foreach (var other in new[] { 1, 2, 3 })
                model.At(other).Known.Remove(gone.Id);
        }

        return model;
    }

    private static RedisClusterSession Session { get; } = RedisClusterSession.Parse("10.0.0.1:6379");

    private static MembershipPlan Plan(ClusterScene scene, string node, bool reset = false, bool allow = false, bool preview = false) =>
        new RemoveRequest(Session, ClusterScene.Id(node), reset, allow, preview).Plan(new MembershipSituation(scene.View(), []));

    private static void Refused(ClusterScene scene, string node, FailureCode code, string why, string next, bool preview = false)
    {
        var failure = Assert.Throws<RedisOperationException>(() => Plan(scene, node, preview: preview));
        Assert.Equal(code, failure.Code);
        Assert.Contains(why, failure.Message);
        Assert.EndsWith("Nothing was changed.", failure.Message, StringComparison.Ordinal);
        Assert.StartsWith(next, NextActionText.Of(failure.Next!));
    }
}
