using System;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;
using static RedisClusterOps.Core.Tests.Protocol.NodeConnectionTests;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>How a connection ends: a timeout, a cancellation, or its disposal, each at once.</summary>
public sealed class ConnectionEndTests
{
    [Fact]
    public async Task A_timeout_leaves_the_outcome_unknown_and_ends_the_connection()
    {
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            await session.StallAsync();
        });
        using var connection = await ConnectAsync(node);

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => connection.SendAsync([RespCommand.Of("CLUSTER", "NODES")], TimeSpan.FromMilliseconds(100), CancellationToken.None));

        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.True(failure.OutcomeUnknown);
        Assert.Equal(node.Endpoint, failure.Endpoint);
        Assert.Equal($"{node.Endpoint} did not answer CLUSTER NODES: no answer within 100 ms.", failure.Message);
        await AssertClosedAsync(connection);
    }

    [Fact]
    public async Task An_endless_slow_reply_ends_at_the_timeout()
    {
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            while (true)
                await session.SendAsync(">1\r\n:1\r\n");
        });
        using var connection = await ConnectAsync(node, new ConnectionOptions { CommandTimeout = TimeSpan.FromMilliseconds(200) });

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() =>
            connection.SendAsync([Ping], null, CancellationToken.None).WaitAsync(Soon));

        Assert.Contains("no answer within 200 ms", failure.Message);
    }

    [Fact]
    public async Task Cancelling_ends_a_read_in_progress()
    {
        using var cancellation = new CancellationTokenSource();
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            await session.SendAsync("$100\r\nhalf");
            await cancellation.CancelAsync();
            await session.StallAsync();
        });
        using var connection = await ConnectAsync(node);

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => connection.SendAsync([Ping], TimeSpan.FromMinutes(5), cancellation.Token).WaitAsync(Soon));

        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        await AssertClosedAsync(connection);
    }

    [Fact]
    public async Task Cancelling_ends_a_read_even_if_the_stream_ignores_the_token()
    {
        using var cancellation = new CancellationTokenSource();
        await using var node = FakeNode.Running(async session =>
        {
            await session.ReceiveAsync();
            await cancellation.CancelAsync();
            await session.StallAsync();
        });
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(node.Endpoint.Host, node.Endpoint.Port);
        using var connection = new NodeConnection(node.Endpoint, socket, new TokenIgnoringStream(socket), new ConnectionOptions(), null);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => connection.SendAsync([Ping], TimeSpan.FromMinutes(5), cancellation.Token).WaitAsync(Soon));
    }

    [Fact]
    public async Task A_token_that_is_already_cancelled_sends_nothing_and_leaves_the_connection_usable()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");
        using var connection = await ConnectAsync(node);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connection.SendAsync([Ping], null, new CancellationToken(true)));

        Assert.True(connection.IsUsable);
        Assert.Equal("OK", (await connection.AskAsync(Ping, CancellationToken.None)).Text);
        Assert.Equal(["CLIENT SETNAME " + NodeConnector.ConnectionName, "PING"], node.Commands);
    }

    [Fact]
    public async Task Nothing_is_sent_on_a_disposed_connection()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");
        var connection = await ConnectAsync(node);

        connection.Dispose();
        connection.Dispose();

        await AssertClosedAsync(connection);
        Assert.Equal(["CLIENT SETNAME " + NodeConnector.ConnectionName], node.Commands);
    }

    [Fact]
    public async Task Disposing_ends_a_send_in_progress()
    {
        var received = new TaskCompletionSource();
        await using var node = FakeNode.AfterLogin(async session =>
        {
            await session.ReceiveAsync();
            received.SetResult();
            await session.StallAsync();
        });
        var connection = await ConnectAsync(node);
        var sending = connection.SendAsync([Ping], TimeSpan.FromMinutes(5), CancellationToken.None);
        await received.Task.WaitAsync(Soon);

        connection.Dispose();

        Assert.True((await Assert.ThrowsAsync<RedisConnectionException>(() => sending.WaitAsync(Soon))).OutcomeUnknown);
    }

    /// <summary>Ignores the token of a read, like .NET Framework.</summary>
    private sealed class TokenIgnoringStream(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            base.ReadAsync(buffer, offset, count, CancellationToken.None);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer, CancellationToken.None);
    }
}
