using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>One reachable node is enough to read the whole cluster, and every unreachable node is reported with the reason.</summary>
public class ClusterReaderTests
{
    internal const string A = "10.0.0.1:7001";
    internal const string B = "10.0.0.2:7002";
    internal const string C = "10.0.0.3:7003";

    [Fact]
    public async Task One_seed_is_enough_to_find_every_node_and_each_is_read_once()
    {
        var nodes = Three();
        var view = await ReadAsync(nodes, A);
        Assert.Equal(["a", "b", "c"], view.Nodes.Select(node => node.Id));
        Assert.All(view.Nodes, node => Assert.Equal(RedisNodeState.Ok, node.State));
        Assert.Equal([A, B, C], nodes.Dialled.Order());
        Assert.Equal(3, nodes.Asked.Count(asked => asked.EndsWith("CLUSTER NODES")));
        Assert.Equal(3, view.Node("b")!.View!.KeyCount);
        Assert.Null(view.Node("b")!.View!.CpuPercent);
    }

    [Fact]
    public async Task A_node_that_only_a_later_found_node_knows_is_found()
    {
        var nodes = new ScriptedNodes()
            .Node(A, Line("a", A, "myself,master", "0-100"), Line("b", B, "master"))
            .Node(B, Line("a", A, "master", "0-100"), Line("b", B, "myself,master"), Line("c", C, "master"))
            .Node(C, Line("c", C, "myself,master"));
        Assert.Equal(["a", "b", "c"], (await ReadAsync(nodes, A)).Nodes.Where(node => node.IsReachable).Select(node => node.Id));
    }

    [Fact]
    public async Task The_mapped_address_is_dialled_and_the_announced_address_remains_the_name()
    {
        var map = new Dictionary<string, string> { [A] = "127.0.0.1:1", [B] = "127.0.0.1:2", [C] = "127.0.0.1:3" };
        var lines = new[] { Line("a", A, "master", "0-100"), Line("b", B, "master"), Line("c", C, "master") };
        var nodes = new ScriptedNodes()
            .Node("127.0.0.1:1", [lines[0].Replace("master", "myself,master"), lines[1], lines[2]])
            .Node("127.0.0.1:2", [lines[0], lines[1].Replace("master", "myself,master"), lines[2]])
            .Node("127.0.0.1:3", [lines[0], lines[1], lines[2].Replace("master", "myself,master")]);
        var view = await ReadAsync(nodes, session: RedisClusterSession.Parse("127.0.0.1:1").WithAddressMap(map));
        Assert.Equal(["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"], nodes.Dialled.Order());
        Assert.Equal([A, B, C], view.Nodes.Select(node => node.Name));
        Assert.All(view.Nodes, node => Assert.True(node.IsReachable));
    }

    [Fact]
    public async Task A_seed_with_another_name_is_not_read_again_at_its_announced_address()
    {
        var nodes = new ScriptedNodes()
            .Node("seed.example:7001", Line("a", A, "myself,master", "0-100"), Line("b", B, "master"))
            .Node(B, Line("a", A, "master", "0-100"), Line("b", B, "myself,master"));
        var view = await ReadAsync(nodes, "seed.example:7001");
        Assert.Equal(["10.0.0.2:7002", "seed.example:7001"], nodes.Dialled.Order());
        Assert.Equal(A, view.Node("a")!.Name);
        Assert.Equal("seed.example:7001", view.Node("a")!.View!.Dialled.ToString());
    }

    [Fact]
    public async Task Two_seeds_of_the_same_node_are_one_node()
    {
        string[] lines = [Line("a", A, "myself,master", "0-16383")];
        var nodes = new ScriptedNodes().Node(A, lines).Node("seed.example:7001", lines);
        Assert.Single((await ReadAsync(nodes, A + ",seed.example:7001")).Nodes);
    }

    [Theory]
    [InlineData("noaddr,master", ":0", RedisNodeState.NoAddress, "no node knows its address")]
    [InlineData("master,noaddr,fail", ":0", RedisNodeState.Fail, "no node knows its address")]
    [InlineData("handshake", C, RedisNodeState.Handshake, "it was not asked because its handshake is not complete")]
    public async Task A_node_without_a_usable_address_is_reported_but_not_dialled(
        string flags, string address, RedisNodeState state, string trouble)
    {
        var nodes = new ScriptedNodes().Node(A, Line("a", A, "myself,master", "0-16383"), Line("c", address, flags));
        var found = (await ReadAsync(nodes, A)).Node("c")!;
        Assert.Equal([A], nodes.Dialled);
        Assert.Equal((state, trouble, false), (found.State, found.Trouble, found.IsReachable));
    }

    [Fact]
    public async Task An_unreachable_node_is_reported_with_the_reason_and_the_others_are_read()
    {
        var nodes = Three().Refuses(B, FailureCode.ConnectionFailed, "Can't connect to " + B + ": connection refused.");
        var view = await ReadAsync(nodes, A);
        Assert.Equal(["a", "c"], view.Nodes.Where(node => node.IsReachable).Select(node => node.Id));
        var dead = view.Node("b")!;
        Assert.Equal((RedisNodeState.Unreachable, "Can't connect to " + B + ": connection refused"), (dead.State, dead.Trouble));
        // It owns the slots that the others report for it.
        Assert.Equal("b", view.OwnerOf(150));
        Assert.Single(nodes.Dialled, B);
    }

    [Fact]
    public async Task An_unreachable_seed_does_not_matter_if_another_is_reachable()
    {
        var nodes = Three().Refuses(B, FailureCode.ConnectionFailed, "Can't connect to " + B + ".");
        Assert.Equal(3, (await ReadAsync(nodes, B + "," + C)).Nodes.Count);
    }

    [Fact]
    public async Task If_no_seed_answers_any_more_the_nodes_are_asked_that_answered_before()
    {
        var session = RedisClusterSession.Parse(A);
        await ReadAsync(Three(), session: session);
        var view = await ReadAsync(Three().Refuses(A, FailureCode.ConnectionFailed, "Can't connect to " + A + "."), session: session);
        Assert.Equal(["b", "c"], view.Nodes.Where(node => node.IsReachable).Select(node => node.Id));
        Assert.Equal("Can't connect to " + A, view.Node("a")!.Trouble);
    }

    [Theory]
    [InlineData("201-16383", true)]
    [InlineData("", false)]
    public async Task A_node_that_no_other_one_lists_any_more_is_a_member_if_it_answered_before_and_has_slots(string slots, bool isMember)
    {
        var session = RedisClusterSession.Parse(A);
        await ReadAsync(Three(), session: session);
        var nodes = new ScriptedNodes().Node(A, Line("a", A, "myself,master", "0-200"))
            .Node(C, Line("a", A, "master", "0-200"), Line("c", C, "myself,master", slots));
        Assert.Equal(isMember, (await ReadAsync(nodes, session: session)).Node("c") is not null);
    }

    [Fact]
    public async Task Of_those_a_node_is_ignored_if_another_one_has_its_address_now()
    {
        var session = RedisClusterSession.Parse(A);
        await ReadAsync(Three(), session: session);
        var others = new ScriptedNodes().Node(B, Line("z", B, "myself,master", "0-16383"))
            .Refuses(A, FailureCode.ConnectionFailed, "no answer").Refuses(C, FailureCode.ConnectionFailed, "no answer");
        Assert.Contains("A node of another cluster answers at " + B,
            (await Assert.ThrowsAsync<RedisOperationException>(() => ReadAsync(others, session: session))).Message);
    }

    [Fact]
    public async Task A_node_is_unreachable_if_a_node_of_another_cluster_answers_at_its_address()
    {
        // The address of b now belongs to a node of another cluster.
        var nodes = new ScriptedNodes()
            .Node(A, Line("a", A, "myself,master", "0-16383"), Line("b", B, "master"))
            .Node(B, Line("z", B, "myself,master", "0-16383"), Line("y", C, "master"));
        var view = await ReadAsync(nodes, A);
        Assert.Equal((false, "A node of another cluster answers at " + B), (view.Node("b")!.IsReachable, view.Node("b")!.Trouble));
        Assert.Equal(["a", "b"], view.Nodes.Select(node => node.Id));
        Assert.DoesNotContain(C, nodes.Dialled);
    }

    [Fact]
    public async Task A_node_that_the_others_have_forgotten_belongs_to_the_cluster_if_it_knows_them()
    {
        var nodes = new ScriptedNodes()
            .Node(A, Line("a", A, "myself,master", "0-16383"))
            .Node(B, Line("a", A, "master", "0-16383"), Line("b", B, "myself,master"));
        Assert.Equal(["a", "b"], (await ReadAsync(nodes, A + "," + B)).Nodes.Select(node => node.Id));
    }

    [Theory]
    [InlineData("node-b.example", "node-b.example:7002")]
    // Without an endpoint, the host of the node that was asked is meant.
    [InlineData("", "seed.example:7002")]
    [InlineData(null, "seed.example:7002")]
    public async Task A_node_that_is_unreachable_at_its_announced_address_is_dialled_at_its_client_endpoint(
        string? endpoint, string reached)
    {
        string[] lines = [Line("a", A, "master", "0-16383"), Line("b", B, "myself,master")];
        var nodes = new ScriptedNodes().Node(reached, lines).Node("seed.example:7001", Asked(
            [Line("a", A, "myself,master", "0-16383"), Line("b", B, "master")],
            Shard("a", "node-a.example", 7001),
            Shard("b", endpoint, 7002)));
        var view = await ReadAsync(nodes, "seed.example:7001");
        Assert.Equal((reached, B), (view.Node("b")!.View!.Dialled.ToString(), view.Node("b")!.Name));
        Assert.Equal(["seed.example:7001", B, reached], nodes.Dialled);
    }

    [Fact]
    public async Task Client_endpoints_are_not_requested_for_mapped_or_reachable_nodes()
    {
        var nodes = Three().Refuses(B, FailureCode.ConnectionFailed, "no").Refuses("localhost:1", FailureCode.ConnectionFailed, "no");
        await ReadAsync(nodes, session: RedisClusterSession.Parse(A)
            .WithAddressMap(new Dictionary<string, string> { [B] = "localhost:1" }));
        await ReadAsync(Three());
        Assert.DoesNotContain(nodes.Asked, asked => asked.EndsWith("CLUSTER SHARDS"));
    }

    [Theory]
    // A node that does not know its own host name, and a host name with terminal control characters.
    [InlineData("?")]
    [InlineData("a\u001b[2J")]
    public async Task An_invalid_client_endpoint_is_not_dialled(string endpoint)
    {
        var nodes = new ScriptedNodes()
            .Node(A, Asked([Line("a", A, "myself,master", "0-16383"), Line("b", B, "master")], Shard("b", endpoint, 7002)));
        Assert.Equal("Can't connect to " + B + ": connection refused", (await ReadAsync(nodes)).Node("b")!.Trouble);
        Assert.Equal([A, B], nodes.Dialled);
    }

    [Fact]
    public async Task Commands_of_newer_servers_are_sent_only_to_those()
    {
        var nodes = Three().Node(C, command => command.ToString() switch
        {
            "CLUSTER NODES" =>
                RespValue.Bulk(string.Join('\n', Line("a", A, "master", "0-100"), Line("b", B, "master"), Line("c", C, "myself,master"))),
            "INFO" => RespValue.Bulk("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.0\r\n"),
            "CLUSTER GETSLOTMIGRATIONS" => RespValue.Array([]),
            "CONFIG GET cluster-databases" => RespValue.Array([RespValue.Bulk("cluster-databases"), RespValue.Bulk("4")]),
            _ => RespValue.Error("ERR unknown command"),
        });
        var view = await ReadAsync(nodes, A);
        Assert.Equal([1, 1, 4], view.Nodes.Select(node => node.View!.Databases));
        Assert.Equal([C + " CLUSTER GETSLOTMIGRATIONS", C + " CONFIG GET cluster-databases"],
            nodes.Asked.Where(asked => asked.Contains("MIGRATIONS") || asked.Contains("databases")));
    }

    [Theory]
    [InlineData("yes", true)]
    [InlineData("no", false)]
    public async Task The_ports_for_MIGRATE_are_requested_only_if_MIGRATE_and_the_session_differ_in_TLS(string tlsCluster, bool isRequested)
    {
        var nodes = Three().Node(C, command => command.ToString() switch
        {
            "CLUSTER NODES" =>
                RespValue.Bulk(string.Join('\n', Line("a", A, "master", "0-100"), Line("b", B, "master"), Line("c", C, "myself,master"))),
            "CONFIG GET tls-cluster" => RespValue.Array([RespValue.Bulk("tls-cluster"), RespValue.Bulk(tlsCluster)]),
            _ => RespValue.Error("ERR unknown command"),
        });
        var view = (await ReadAsync(nodes, A)).Nodes.Select(node => node.View!).Single(view => view.TlsCluster is not null);
        Assert.Equal((isRequested, isRequested), (view.TlsCluster, view.MigratePorts is { Count: 0 }));
        Assert.Equal(isRequested ? [C + " CLUSTER SHARDS"] : [], nodes.Asked.Where(asked => asked.Contains("SHARDS")));
    }

    [Fact]
    public async Task CPU_use_is_measured_on_request()
    {
        var nodes = Three();
        Assert.All((await ReadAsync(nodes, A, new CpuSampling { Window = TimeSpan.FromMilliseconds(5) })).Nodes, node =>
            Assert.True(node.View!.CpuPercent > 0));
        Assert.Equal(3, nodes.Asked.Count(asked => asked.EndsWith("INFO cpu")));
    }

    [Fact]
    public async Task Three_hundred_nodes_are_read_with_limited_concurrency()
    {
        const int Count = 300;
        string Address(int i) => "10.1." + (i / 100) + "." + (i % 100) + ":7000";
        string Id(int i) => "n" + i.ToString("D3");
        var nodes = new ScriptedNodes { Slowness = TimeSpan.FromMilliseconds(5) };
        for (var self = 0; self < Count; self++)
            nodes.Node(Address(self),
                [.. Enumerable.Range(0, Count).Select(i => Line(Id(i), Address(i), i == self ? "myself,master" : "master"))]);
        var view = await ReadAsync(nodes, Address(0));
        Assert.Equal(Count, view.Nodes.Count(node => node.IsReachable));
        Assert.InRange(nodes.MostAtOnce, 64, 128);
    }

    internal static ScriptedNodes Three()
    {
        string[] names = ["a", "b", "c"];
        string[] addresses = [A, B, C];
        string[] slots = ["0-100", "101-200", "201-16383"];
        var nodes = new ScriptedNodes();
        for (var self = 0; self < 3; self++)
            nodes.Node(addresses[self],
                [.. Enumerable.Range(0, 3).Select(i => Line(names[i], addresses[i], i == self ? "myself,master" : "master", slots[i]))]);
        return nodes;
    }

    // A node that also answers CLUSTER SHARDS.
    internal static Func<RespCommand, RespValue> Asked(string[] lines, params RespValue[] shards) => command => command.ToString() switch
    {
        "CLUSTER NODES" => RespValue.Bulk(string.Join('\n', lines) + "\n"),
        "CLUSTER SHARDS" => RespValue.Array(shards),
        _ => RespValue.Error("ERR unknown command"),
    };

    internal static RespValue Shard(string id, string? endpoint, int port) => Map(
        RespValue.Bulk("slots"), RespValue.Array([]), RespValue.Bulk("nodes"), RespValue.Array([Map(
            RespValue.Bulk("id"), RespValue.Bulk(id), RespValue.Bulk("port"), RespValue.Number(port),
            RespValue.Bulk("endpoint"), endpoint is null ? RespValue.Null : RespValue.Bulk(endpoint))]));

    internal static RespValue Map(params RespValue[] values) => RespValue.Array(values);

    internal static string Line(string id, string address, string flags, string slots = "") =>
        id + " " + address + "@17000 " + flags + " - 0 0 1 connected " + slots;

    internal static async Task<ClusterView> ReadAsync(
        ScriptedNodes nodes, string seeds = A, CpuSampling? sampling = null, RedisClusterSession? session = null)
    {
        session ??= RedisClusterSession.Parse(seeds);
        using var connections = new ClusterConnections(nodes);
        return await new ClusterReader(session, connections).ReadAsync(sampling, default);
    }
}
