using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>A command of a user on several nodes, and the types of its replies.</summary>
public sealed class NodeCommandTests
{
    private static readonly string A = new('a', 40);
    private static readonly string B = new('b', 40);

    private readonly ScriptedNodes _nodes = new();

    [Fact]
    public async Task Every_node_replies_and_the_error_of_one_is_in_its_reply()
    {
        var replies = await SendAsync("CONFIG GET x", command => Map("x", "1"), command => RespValue.Error("NOPERM no right"));
        Assert.Equal(["127.0.0.1:1", "127.0.0.1:2"], replies.Select(reply => reply.Node));
        Assert.Equal("1", Assert.IsType<IDictionary>(replies[0].Reply, exactMatch: false)["x"]);
        Assert.Equal("x=1", replies[0].Reply!.ToString());
        Assert.Equal("x: 1", replies[0].Text);
        Assert.Null(replies[1].Reply);
        Assert.Equal("NOPERM no right", replies[1].Error);
        Assert.Equal("(error) NOPERM no right", replies[1].Text);
    }

    [Fact]
    public async Task Replies_have_types()
    {
        var all = RespValue.Array(
        [
            RespValue.Number(7), RespValue.Bool(true), RespValue.Double("1.5"), RespValue.Null, RespValue.Bulk("text\r\nmore"),
            RespValue.Bulk([0xff, 0]), RespValue.Bulk("\u001b[2J"), RespValue.Array([RespValue.Error("ERR inside")]),
        ]);
        var reply = (await SendAsync("ROLE", _ => all, _ => all))[0];
        var items = Assert.IsType<IEnumerable<object?>>(reply.Reply, exactMatch: false).ToList();
        Assert.Equal([7L, true, 1.5, null, "text\nmore", "\"\\xff\\x00\"", "\"\\x1b[2J\""], items.Take(7));
        Assert.Equal("(error) ERR inside", Assert.Single(Assert.IsType<IEnumerable<object?>>(items[7], exactMatch: false)));
        Assert.DoesNotContain('\u001b', reply.Text);
    }

    [Fact]
    public async Task A_command_that_no_node_has_is_not_sent()
    {
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => SendAsync("FOO geheim", null, null));
        Assert.Equal(FailureCode.InvalidArgument, failure.Code);
        Assert.Equal("No node has a command 'FOO'. It was not sent.", failure.Message);
        Assert.DoesNotContain(_nodes.Asked, asked => asked.EndsWith(" FOO <1 more>", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_lacks_the_command_does_not_make_it_a_command_that_writes()
    {
        Nodes("GET k", _ => RespValue.Null, null);
        using var core = Core();
        var plan = await core.PlanCommandAsync(["GET", "k"], null, null, default);
        Assert.True(plan.OnlyReads);
        Assert.Equal(2, plan.Nodes.Count);
    }

    [Fact]
    public async Task A_busy_node_gets_a_command_that_stops_its_script_after_consent()
    {
        var busy = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
        Nodes("SCRIPT KILL", _ => RespValue.Simple("OK"), _ => RespValue.Simple("OK"));
        _nodes.Node("127.0.0.1:2", command => command.ToString() == "SCRIPT KILL" ? RespValue.Simple("OK") : RespValue.Error(busy));
        using var core = Core();
        var plan = await core.PlanCommandAsync(["SCRIPT", "KILL"], ["127.0.0.1:2"], null, default);
        Assert.False(plan.OnlyReads);
        Assert.Equal("OK", Assert.Single(await core.SendCommandAsync(plan, plan.Nodes, default)).Text);
    }

    [Fact]
    public async Task Names_and_the_role_select_nodes_and_without_any_nothing_is_sent()
    {
        Nodes("PING", _ => RespValue.Simple("PONG"), _ => RespValue.Simple("PONG"));
        using var core = Core();
        Assert.Equal(B, Assert.Single((await core.PlanCommandAsync(["PING"], ["2", "127.0.0.1:2"], null, default)).Nodes).Id);
        var none = () => core.PlanCommandAsync(["PING"], null, RedisNodeRole.Replica, default);
        Assert.Equal(FailureCode.NodeNotFound, (await Assert.ThrowsAsync<RedisOperationException>(none)).Code);
    }

    private async Task<IReadOnlyList<RedisCommandReply>> SendAsync(
        string command, Func<RespCommand, RespValue>? one, Func<RespCommand, RespValue>? two)
    {
        Nodes(command, one, two);
        using var core = Core();
        var plan = await core.PlanCommandAsync([command], null, null, default);
        return await core.SendCommandAsync(plan, plan.Nodes, default);
    }

    private void Nodes(string command, Func<RespCommand, RespValue>? one, Func<RespCommand, RespValue>? two)
    {
        Node(1, A, one);
        Node(2, B, two);

        // A node without an answer does not have the command.
        void Node(int port, string id, Func<RespCommand, RespValue>? answer) => _nodes.Node("127.0.0.1:" + port, asked =>
        {
            var words = asked.Arguments.Select(word => System.Text.Encoding.UTF8.GetString(word)).ToList();
            return string.Join(' ', words) switch
            {
                "CLUSTER NODES" => RespValue.Bulk(Lines(id)),
                "INFO" => RespValue.Bulk("# Server\r\nredis_version:7.0.15\r\n"),
                _ when words[0] == "COMMAND" => RespValue.Array(
                    [answer is null ? RespValue.Null : Described(words[2] == "GET" ? "readonly" : "fast"), RespValue.Null]),
                _ when string.Join(' ', words) == command && answer is not null => answer(asked),
                _ => RespValue.Error("ERR unknown command '" + words[0] + "', with args beginning with: 'geheim'"),
            };
        });
    }

    private static RespValue Described(string flag) =>
        RespValue.Array([RespValue.Bulk("name"), RespValue.Number(1), RespValue.Array([RespValue.Simple(flag)])]);

    private static RespValue Map(string name, string value) => RespValue.Map([RespValue.Bulk(name), RespValue.Bulk(value)]);

    private RedisCluster Core() => new(RedisClusterSession.Parse("127.0.0.1:1"), _nodes, null);

    private static string Lines(string myself) => string.Join('\n', new[] { (A, 1, "0-8191"), (B, 2, "8192-16383") }.Select(node =>
        node.Item1 + " 127.0.0.1:" + node.Item2 + "@1000" + node.Item2 + (node.Item1 == myself ? " myself,master" : " master")
            + " - 0 0 " + node.Item2 + " connected " + node.Item3)) + "\n";
}
