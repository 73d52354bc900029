using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

public sealed class NodeConnectionTests
{
    internal static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);
    internal static readonly RespCommand Ping = RespCommand.Of("PING");

    [Fact]
    public async Task Replies_are_in_the_order_of_the_commands_including_errors()
    {
        await using var node = FakeNode.Answering(command => command switch { "A" => ":1\r\n", "B" => "-ERR no\r\n", _ => "+OK\r\n" });
        using var connection = await ConnectAsync(node);

        var replies = await connection.SendAsync(
            [RespCommand.Of("A"), RespCommand.Of("B"), RespCommand.Of("C")], null, CancellationToken.None);

        Assert.Equal(["Integer 1", "Error ERR no", "SimpleString OK"], replies.Select(Bytes.Describe));
        Assert.True(connection.IsUsable);
    }

    [Fact]
    public async Task Every_command_is_traced_without_its_secrets_before_it_is_sent()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");
        var traced = new List<string>();
        var connector = new NodeConnector(
            new ConnectionOptions { User = "ann", Password = "hunter2" }, (endpoint, command) => traced.Add($"{endpoint} {command}"));

        using var connection = await connector.ConnectAsync(node.Endpoint, CancellationToken.None);
        await connection.SendAsync([Ping], null, CancellationToken.None);

        Assert.Equal(
            [$"{node.Endpoint} AUTH ***", $"{node.Endpoint} CLIENT SETNAME {NodeConnector.ConnectionName}", $"{node.Endpoint} PING"],
            traced);
        Assert.Equal(["AUTH ann hunter2", "CLIENT SETNAME " + NodeConnector.ConnectionName, "PING"], node.Commands);
    }

    [Fact]
    public async Task A_pipeline_larger_than_all_buffers_does_not_deadlock()
    {
        var value = new string('v', 10_000);
        await using var node = FakeNode.Answering(_ => $"${value.Length}\r\n{value}\r\n");
        using var connection = await ConnectAsync(node);

        var replies = await connection.SendAsync(
            [.. Enumerable.Repeat(RespCommand.Of("ECHO", value), 2_000)], TimeSpan.FromSeconds(30), CancellationToken.None);

        Assert.Equal(2_000, replies.Count);
        Assert.All(replies, reply => Assert.Equal(value.Length, reply.Bytes.Length));
    }

    [Fact]
    public async Task Concurrent_sends_run_one_after_another_and_get_their_own_replies()
    {
        await using var node = FakeNode.Answering(command =>
            command.StartsWith("ECHO", StringComparison.Ordinal) ? $"+{command[5..]}\r\n" : "+OK\r\n");
        using var connection = await ConnectAsync(node);

        var replies = await Task.WhenAll(Enumerable.Range(0, 100)
            .Select(i => connection.AskAsync(RespCommand.Of("ECHO", i), CancellationToken.None)));

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), replies.Select(reply => reply.Text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("$10\r\nhal")]
    [InlineData("*2\r\n:1\r\n")]
    public async Task The_outcome_is_unknown_if_the_server_closes_before_the_reply_is_complete(string partOfReply)
    {
        await using var node = FakeNode.AfterLogin(session => session.AnswerAsync(_ => partOfReply));
        using var connection = await ConnectAsync(node);

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => connection.SendAsync([RespCommand.Of("MIGRATE", "h", 1, "k", 0, 1000), Ping], null, CancellationToken.None));

        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.True(failure.OutcomeUnknown);
        Assert.Equal($"{node.Endpoint} did not answer MIGRATE h 1 k 0 1000 and 1 more: the connection was closed.", failure.Message);
        await AssertClosedAsync(connection);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request")]
    public async Task An_invalid_reply_ends_the_connection_and_is_reported(string raw, string shown)
    {
        await using var node = FakeNode.AfterLogin(session => session.AnswerAllAsync(_ => raw));
        using var connection = await ConnectAsync(node);

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => connection.SendAsync([Ping], null, CancellationToken.None));

        Assert.Equal(FailureCode.ProtocolError, failure.Code);
        Assert.True(failure.OutcomeUnknown);
        Assert.Contains(node.Endpoint.ToString(), failure.Message);
        Assert.Contains(shown, failure.Message);
        await AssertClosedAsync(connection);
    }

    // The node answered, so it is reachable: no RedisConnectionException.
    [Theory]
    [InlineData("*99999999\r\n", "more than 4194304 elements")]
    [InlineData("$999999999\r\n", "more than 536870912 bytes")]
    public async Task A_reply_above_our_limits_is_reported_as_our_limit(string raw, string shown)
    {
        await using var node = FakeNode.AfterLogin(session => session.AnswerAllAsync(_ => raw));
        using var connection = await ConnectAsync(node);

        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => connection.SendAsync([Ping], null, CancellationToken.None));

        Assert.Equal((FailureCode.ReplyTooLarge, node.Endpoint.ToString()), (failure.Code, failure.Subject));
        Assert.Contains(shown, failure.Message);
        Assert.Contains("a limit of this module, not of the node, which is reachable", failure.Message);
        Assert.NotNull(failure.Next);
        await AssertClosedAsync(connection);
    }

    [Fact]
    public async Task An_endless_reply_is_rejected_at_the_size_limit()
    {
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            await session.SendAsync("*1000000\r\n");
            while (true)
                await session.SendAsync($"$1000\r\n{new string('x', 1000)}\r\n");
        });
        using var connection = await ConnectAsync(node, new ConnectionOptions { Limits = new RespLimits { MaxReplyLength = 1_000_000 } });

        var failure = await Assert.ThrowsAsync<RedisOperationException>(() =>
            connection.SendAsync([Ping], null, CancellationToken.None).WaitAsync(Soon));

        Assert.Equal(FailureCode.ReplyTooLarge, failure.Code);
        Assert.Equal(
            node.Endpoint + " answered PING, but the reply has more than 1000000 bytes in one reply. That is a limit of this module,"
                + " not of the node, which is reachable.",
            failure.Message);
        await AssertClosedAsync(connection);
    }

    [Fact]
    public async Task Sending_no_command_is_an_argument_error()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");
        using var connection = await ConnectAsync(node);

        await Assert.ThrowsAsync<ArgumentException>(() => connection.SendAsync([], null, CancellationToken.None));
        Assert.True(connection.IsUsable);
    }

    [Fact]
    public async Task Values_and_secrets_of_a_failed_command_are_not_in_the_error()
    {
        await using var node = FakeNode.AfterLogin(session => session.AnswerAsync(_ => ""));
        using var connection = await ConnectAsync(node);

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => connection.SendAsync(
            [RespCommand.Of("MIGRATE", "h", 1, "", 0, 1000, "AUTH2", "ann", "hunter2", "KEYS", "k")], null, CancellationToken.None));

        Assert.DoesNotContain("hunter2", failure.ToString());
    }

    internal static Task<INodeConnection> ConnectAsync(FakeNode node, ConnectionOptions? options = null) =>
        new NodeConnector(options ?? new ConnectionOptions()).ConnectAsync(node.Endpoint, CancellationToken.None);

    internal static async Task AssertClosedAsync(INodeConnection connection)
    {
        Assert.False(connection.IsUsable);
        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => connection.SendAsync([Ping], null, CancellationToken.None));
        Assert.False(failure.OutcomeUnknown);
        Assert.Equal($"The connection to {connection.Endpoint} is closed; PING was not sent.", failure.Message);
    }
}
