using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>The database in which a batch of commands runs.</summary>
public sealed class SelectingConnectionTests : IDisposable
{
    private static readonly NodeEndpoint Node = new("10.0.0.1", 6379);

    private readonly HashSet<string> _rejected = [];
    private readonly ScriptedNodes _nodes = new();
    private readonly ClusterConnections _connections;

    public SelectingConnectionTests()
    {
        _nodes.Node(Node.ToString(), command =>
            _rejected.Contains(command.ToString()) ? RespValue.Error("NOPERM no SELECT") : RespValue.Simple("OK"));
        _connections = new ClusterConnections(_nodes);
    }

    public void Dispose() => _connections.Dispose();

    [Fact]
    public async Task Database_0_needs_no_select()
    {
        await SendAsync(0, "DBSIZE");
        Assert.Equal(["DBSIZE"], Commands());
    }

    [Fact]
    public async Task Another_database_is_selected_once_on_a_separate_connection()
    {
        await SendAsync(1, "DBSIZE");
        await SendAsync(0, "DBSIZE");
        await SendAsync(1, "PING");
        Assert.Equal(["SELECT 1", "DBSIZE", "DBSIZE", "PING"], Commands());
        Assert.Equal(2, _nodes.Dialled.Count);
    }

    // Commands for slots need not wait for a large batch of keys.
    [Fact]
    public async Task Keys_in_bulk_have_a_separate_connection_which_is_named_like_the_others()
    {
        _connections.SetName("run-1");
        await SendAsync(0, "DBSIZE");
        var forKeys = await _connections.GetForKeysAsync(Node, 0, default);
        await forKeys.SendAsync(RespCommand.Of("PING"), default);
        await SendAsync(1, "DBSIZE");
        await forKeys.SendAsync(RespCommand.Of("PING"), default);
        Assert.Equal(
            ["CLIENT SETNAME run-1", "DBSIZE", "CLIENT SETNAME run-1", "PING", "SELECT 1", "DBSIZE", "SELECT 0", "PING"], Commands());
        Assert.Equal(2, _nodes.Dialled.Count);
    }

    [Fact]
    public async Task A_node_that_accepts_no_second_connection_takes_keys_on_the_first()
    {
        using var connections = new ClusterConnections(_nodes);
        var reader = new ClusterReader(RedisClusterSession.Parse(Node.ToString()), connections);
        var node = new ClusterNode("1", Node, new NodeLine(), null, RedisNodeState.Ok, null);
        var first = await reader.ConnectAsync(node, default);
        _nodes.Refuses(Node.ToString(), FailureCode.TooManyClients, "max number of clients reached");
        Assert.Same(first, await reader.ConnectForKeysAsync(node, 0, default));
    }

    [Fact]
    public async Task Nothing_is_sent_to_a_database_if_SELECT_is_rejected()
    {
        await SendAsync(1, "PING");
        _rejected.Add("SELECT 2");
        var failure = await Assert.ThrowsAsync<RedisServerException>(() => SendAsync(2, "DBSIZE"));
        Assert.Equal(FailureCode.PermissionDenied, failure.Code);
        Assert.DoesNotContain("DBSIZE", Commands());

        await SendAsync(1, "DBSIZE");
        Assert.Equal(["SELECT 1", "PING", "SELECT 2", "DBSIZE"], Commands());
    }

    // The keys of all databases are counted in one batch, whose replies are checked.
    [Fact]
    public async Task A_batch_that_failed_to_select_database_0_again_is_followed_by_a_select()
    {
        _rejected.Add("SELECT 0");
        var connection = await _connections.GetAsync(Node, default);
        await connection.SendAsync([RespCommand.Of("SELECT", 1), RespCommand.Of("DBSIZE"), RespCommand.Of("SELECT", 0)], null, default);
        await Assert.ThrowsAsync<RedisServerException>(() => SendAsync(0, "PING"));
        Assert.DoesNotContain("PING", Commands());

        _rejected.Clear();
        await SendAsync(0, "PING");
        Assert.Equal(["SELECT 0", "PING"], Commands().TakeLast(2));
    }

    private async Task SendAsync(int database, string command) =>
        await (await _connections.GetAsync(Node, database, default)).SendAsync(RespCommand.Of(command), default);

    private List<string> Commands() => [.. _nodes.Asked.Select(asked => asked[(asked.IndexOf(' ') + 1)..])];
}
