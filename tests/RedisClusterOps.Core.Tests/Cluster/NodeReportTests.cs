using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>The public objects contain what a node and the other nodes report about it, and nothing else.</summary>
public class NodeReportTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("10.0.0.1:6379");

    [Fact]
    public void A_master_has_address_slots_load_and_versions()
    {
        var node = Node(
            ClusterScene.Stable().Reports(
                "S",
                "redis_version:7.0.15\nused_memory:1000\nmaxmemory:4000\ninstantaneous_ops_per_sec:12\nrepl_backlog_size:99",
                keys: 42,
                cpu: 12.5),
            "S");
        Assert.Equal((ClusterScene.Id("S"), "10.0.0.19", 6379, "10.0.0.19:6379"), (node.Id, node.Host, node.Port, node.Endpoint));
        Assert.Equal((RedisNodeRole.Master, null, RedisNodeState.Ok, "connected", 1L),
            (node.Role, node.MasterId, node.State, node.LinkState, node.ConfigEpoch));
        Assert.Equal((8192, 42L, 1000L, 4000L, 12L, 12.5),
            (node.SlotCount, node.KeyCount, node.UsedMemory, node.MaxMemory, node.OpsPerSecond, node.CpuPercent));
        Assert.Equal(["0-8191"], node.SlotRanges);
        Assert.Equal((99L, ServerEngine.Redis, "7.0.15", null), (node.BacklogSize, node.Engine, node.Version, node.Trouble));
        Assert.Same(Session, node.Cluster);
    }

    [Fact]
    public void Unknown_values_are_null_and_not_zero()
    {
        var node = Node(ClusterScene.Stable().Reports("S", info: string.Empty), "S");
        Assert.Equal((null, null, null, null, null, null),
            (node.KeyCount, node.UsedMemory, node.MaxMemory, node.OpsPerSecond, node.CpuPercent, node.ReplicationOffset));
        Assert.Equal((null, null, null, ServerEngine.Unknown, null),
            (node.ReplicationLag, node.MasterLinkStatus, node.BacklogSize, node.Engine, node.Version));
    }

    [Fact]
    public void Slot_ranges_are_the_fewest() => Assert.Equal(
        ["0-5518", "5520-8191"],
        Node(ClusterScene.Stable().BelievedToOwn("S", "0-5518,5520-8191").BelievedToOwn("T", "5519"), "S").SlotRanges);

    [Fact]
    public void A_replica_has_its_master_and_no_slots_and_its_master_lists_it()
    {
        var scene = WithReplica("master_repl_offset:900", "slave_repl_offset:700\nmaster_link_status:up");
        var replica = Node(scene, "R");
        Assert.Equal((RedisNodeRole.Replica, ClusterScene.Id("S"), 0, "up"),
            (replica.Role, replica.MasterId, replica.SlotCount, replica.MasterLinkStatus));
        Assert.Equal([replica.Endpoint], Node(scene, "S").Replicas);
        Assert.Equal(1, Node(scene, "S").ReplicaCount);
        Assert.Empty(Node(scene, "X").Replicas);
    }

    [Fact]
    public void The_lag_of_a_replica_is_its_distance_from_the_offset_of_its_master()
    {
        var replica = Node(WithReplica("master_repl_offset:900", "slave_repl_offset:700"), "R");
        Assert.Equal((700L, 200L), (replica.ReplicationOffset, replica.ReplicationLag));
    }

    [Fact]
    public void The_lag_of_a_replica_is_not_negative_if_it_was_read_later_than_its_master() =>
        Assert.Equal(0, Node(WithReplica("master_repl_offset:700", "slave_repl_offset:900"), "R").ReplicationLag);

    [Fact]
    public void The_lag_of_a_master_is_that_of_its_slowest_replica() => Assert.Equal(
        300,
        Node(
            ClusterScene.Stable().Reports(
                "S",
                "master_repl_offset:900\nslave0:ip=10.0.0.18,port=6379,state=online,offset=850,lag=0"
                    + "\nslave1:ip=10.0.0.17,port=6379,state=online,offset=600,lag=1"),
            "S").ReplicationLag);

    [Fact]
    public void The_lag_is_unknown_without_both_offsets()
    {
        Assert.Null(Node(WithReplica("master_repl_offset:900", string.Empty), "R").ReplicationLag);
        Assert.Null(Node(WithReplica("master_repl_offset:900", "slave_repl_offset:700").Down("S"), "R").ReplicationLag);
        Assert.Null(Node(ClusterScene.Stable().Reports("S", "master_repl_offset:900"), "S").ReplicationLag);
    }

    [Fact]
    public void A_node_is_disconnected_if_one_other_node_has_no_link_to_it()
    {
        var scene = ClusterScene.Stable().Unlinked("X", "T");
        Assert.Equal(["connected", "disconnected", "connected"], NodeReport.Nodes(scene.View(), Session).Select(node => node.LinkState));
    }

    [Fact]
    public void An_unreachable_node_keeps_its_slots_and_has_the_reason()
    {
        var node = Node(ClusterScene.Stable().Down("S"), "S");
        Assert.Equal((8192, RedisNodeState.Fail, "connection refused", null), (node.SlotCount, node.State, node.Trouble, node.UsedMemory));
    }

    [Fact]
    public void A_node_without_an_address_is_named_by_its_short_id_and_sorted_last()
    {
        var nodes = NodeReport.Nodes(ClusterScene.Stable().In("S", RedisNodeState.NoAddress, "no node knows its address").View(), Session);
        Assert.Equal(["10.0.0.20:6379", "10.0.0.24:6379", "S0000000"], nodes.Select(node => node.Endpoint));
        Assert.Equal((string.Empty, 0), (nodes[2].Host, nodes[2].Port));
    }

    [Fact]
    public void One_object_summarizes_the_cluster()
    {
        var scene = ClusterScene.Wedged().Replica("R", of: "S")
            .Reports("S", "redis_version:7.0.15\nused_memory:1000", Info(), keys: 10)
            .Reports("X", "redis_version:7.0.15\nused_memory:200", Info(), keys: 5)
            .Reports("T", "server_name:valkey\nvalkey_version:9.1.0\nused_memory:30", Info(), keys: 1)
            .Reports("R", "redis_version:7.0.15\nused_memory:1000", Info(), keys: 10);
        var info = NodeReport.Info(scene.View(), 1, Session);
        Assert.Equal(("ok", 16384, 16384, 0, 0, 1),
            (info.State, info.SlotsAssigned, info.SlotsOk, info.SlotsPFail, info.SlotsFail, info.OpenSlots));
        // Keys and memory of replicas are copies and do not count. T owns no slot.
        Assert.Equal((4, 4, 2, 16L, 1230L), (info.KnownNodes, info.ReachableNodes, info.Size, info.KeyCount, info.UsedMemory));
        Assert.Equal((8L, 3L), (info.CurrentEpoch, info.HighestConfigEpoch));
        Assert.Equal([ServerEngine.Redis, ServerEngine.Valkey], info.Engines);
        Assert.Equal(["7.0.15", "9.1.0"], info.Versions);
        Assert.Empty(info.Differences);
        Assert.Equal(scene.View().Fingerprint, info.Fingerprint);
    }

    [Fact]
    public void If_nodes_differ_the_worst_view_counts_and_the_difference_is_reported()
    {
        var scene = ClusterScene.Stable()
            .Reports("S", clusterInfo: Info())
            .Reports("X", clusterInfo: Info(state: "fail", assigned: 16000, ok: 15000, pfail: 1, fail: 2, epoch: 99))
            .Reports("T", clusterInfo: Info());
        var info = NodeReport.Info(scene.View(), 0, Session);
        Assert.Equal(("fail", 16000, 15000, 1, 2, 99L),
            (info.State, info.SlotsAssigned, info.SlotsOk, info.SlotsPFail, info.SlotsFail, info.CurrentEpoch));
        Assert.Equal(
            [
                "10.0.0.24:6379 reports cluster_state fail, most nodes report ok",
                "10.0.0.24:6379 reports cluster_slots_assigned 16000, most nodes report 16384",
                "10.0.0.24:6379 reports cluster_slots_ok 15000, most nodes report 16384",
                "10.0.0.24:6379 reports cluster_slots_pfail 1, most nodes report 0",
                "10.0.0.24:6379 reports cluster_slots_fail 2, most nodes report 0",
            ],
            info.Differences);
    }

    [Fact]
    public void An_unreachable_node_counts_as_known_but_not_as_reachable()
    {
        var info = NodeReport.Info(ClusterScene.Stable().Down("X").View(), 0, Session);
        Assert.Equal((3, 2, 2), (info.KnownNodes, info.ReachableNodes, info.Size));
    }

    private static string Info(string state = "ok", int assigned = 16384, int ok = 16384, int pfail = 0, int fail = 0, int epoch = 8) =>
        "cluster_state:" + state + "\r\ncluster_slots_assigned:" + assigned + "\r\ncluster_slots_ok:" + ok
        + "\r\ncluster_slots_pfail:" + pfail
        + "\r\ncluster_slots_fail:" + fail + "\r\ncluster_current_epoch:" + epoch + "\r\ncluster_known_nodes:4\r\n";

    private static ClusterScene WithReplica(string master, string replica) =>
        ClusterScene.Stable().Replica("R", of: "S").Reports("S", master).Reports("R", replica);

    private static RedisClusterNode Node(ClusterScene scene, string name) => Nodes(scene).Single(node => node.Id == ClusterScene.Id(name));

    private static IReadOnlyList<RedisClusterNode> Nodes(ClusterScene scene) => NodeReport.Nodes(scene.View(), Session);
}
