using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

public sealed class NodeConnectorTests
{
    private const string Secret = "hunter2";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Without_a_password_only_the_connection_name_is_sent()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");

        using var connection = await ConnectAsync(node, new ConnectionOptions());

        Assert.Equal(["CLIENT SETNAME " + NodeConnector.ConnectionName], node.Commands);
        Assert.Equal(node.Endpoint, connection.Endpoint);
        Assert.True(connection.IsUsable);
    }

    [Theory]
    [InlineData(null, "AUTH hunter2")]
    [InlineData("default", "AUTH hunter2")]
    [InlineData("ann", "AUTH ann hunter2")]
    public async Task The_default_user_logs_in_with_the_password_only(string? user, string expected)
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");

        using var connection = await ConnectAsync(node, new ConnectionOptions { User = user, Password = Secret });

        Assert.Equal([expected, "CLIENT SETNAME " + NodeConnector.ConnectionName], node.Commands);
    }

    [Theory]
    [InlineData("-ERR unknown command 'CLIENT', with args beginning with: 'SETNAME'\r\n")]
    [InlineData("-ERR unknown subcommand 'SETNAME'\r\n")]
    [InlineData("-NOPERM User ann has no permissions to run the 'client|setname' command\r\n")]
    public async Task A_server_that_rejects_the_connection_name_is_accepted(string refusal)
    {
        await using var node = FakeNode.Answering(command => command == "PING" ? "+PONG\r\n" : refusal);

        using var connection = await ConnectAsync(node, new ConnectionOptions());

        Assert.Equal("PONG", (await connection.AskAsync(RespCommand.Of("PING"), CancellationToken.None)).Text);
    }

    [Theory]
    [InlineData("ann", "-WRONGPASS invalid username-password pair or user is disabled.\r\n", "refused the user name or password of 'ann'.")]
    [InlineData(null, "-WRONGPASS invalid username-password pair or user is disabled.\r\n", "refused the password.")]
    [InlineData(null, "-ERR invalid password\r\n", "refused the password.")]
    [InlineData(
        null,
        "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n",
        "requires no password, but one was specified.")]
    [InlineData(null, "-ERR Client sent AUTH, but no password is set\r\n", "requires no password, but one was specified.")]
    [InlineData(
        "ann",
        "-ERR wrong number of arguments for 'auth' command\r\n",
        "refused the log-in: ERR wrong number of arguments for 'auth' command.")]
    [InlineData(
        null,
        "-ERR unknown command 'AUTH', with args beginning with: 'hunter2' \r\n",
        "refused the log-in: ERR unknown command 'AUTH'.")]
    [InlineData(null, "-ERR what does hunter2 mean\r\n", "refused the log-in: ERR what does *** mean.")]
    public async Task A_rejected_log_in_is_reported_with_node_and_reason_but_without_the_password(
        string? user, string refusal, string reason)
    {
        await using var node = FakeNode.Answering(_ => refusal);

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => ConnectAsync(node, new ConnectionOptions { User = user, Password = Secret }));

        Assert.Equal(FailureCode.AuthenticationFailed, failure.Code);
        Assert.Equal($"{node.Endpoint} {reason}", failure.Message);
        Assert.False(failure.OutcomeUnknown);
        Assert.DoesNotContain(Secret, failure.ToString());
        Assert.Contains("Connect-RedisCluster", failure.NextStep());
        Assert.Equal(reason.StartsWith("requires no password", StringComparison.Ordinal),
            failure.NextStep()!.Contains("without user name and password", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_requires_a_log_in_is_reported()
    {
        await using var node = FakeNode.Answering(_ => "-NOAUTH Authentication required.\r\n");

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectAsync(node, new ConnectionOptions()));

        Assert.Equal(FailureCode.AuthenticationFailed, failure.Code);
        Assert.Equal($"{node.Endpoint} requires a user name and password.", failure.Message);
    }

    [Theory]
    [InlineData(null, "-ERR max number of clients reached\r\n")]
    [InlineData(Secret, "-ERR max number of clients reached\r\n")]
    [InlineData(null, "-DENIED Redis is running in protected mode because protected mode is enabled\r\n")]
    public async Task The_error_of_a_server_that_rejects_clients_is_shown(string? password, string refusal)
    {
        await using var node = FakeNode.Running(session => session.AnswerAsync(_ => refusal));

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() =>
            ConnectAsync(node, new ConnectionOptions { Password = password }));

        Assert.Equal(refusal.Contains("clients") ? FailureCode.TooManyClients : FailureCode.ConnectionFailed, failure.Code);
        Assert.Equal($"Cannot connect to {node.Endpoint}: {refusal[1..].Trim()}.", failure.Message);
        Assert.True(ServerErrors.IsAnswer(failure));
    }

    [Fact]
    public async Task A_closed_port_refuses_the_connection()
    {
        NodeEndpoint endpoint;
        await using (var node = FakeNode.Answering(_ => "+OK\r\n"))
            endpoint = node.Endpoint;

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectAsync(endpoint, new ConnectionOptions()));

        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.Equal($"Cannot connect to {endpoint}: connection refused.", failure.Message);
        Assert.False(ServerErrors.IsAnswer(failure));
        Assert.False(failure.OutcomeUnknown);
    }

    [Fact]
    public async Task A_host_that_does_not_exist_is_not_found()
    {
        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => ConnectAsync(new NodeEndpoint("no-such-host.invalid", 6379),
                new ConnectionOptions { ConnectTimeout = TimeSpan.FromSeconds(30) }));

        Assert.StartsWith("Cannot connect to no-such-host.invalid:6379: host name not found", failure.Message);
    }

    [Fact]
    public async Task A_host_name_is_resolved()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");

        using var connection = await ConnectAsync(new NodeEndpoint("localhost", node.Endpoint.Port), new ConnectionOptions());

        Assert.Equal("localhost", connection.Endpoint.Host);
    }

    [Fact]
    public async Task The_connect_timeout_covers_the_log_in()
    {
        await using var node = FakeNode.Running(async session =>
        {
            await session.ReceiveAsync();
            await session.StallAsync();
        });

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => ConnectAsync(node, new ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(100) }).WaitAsync(Soon));

        Assert.Equal($"Cannot connect to {node.Endpoint}: no answer within 100 ms.", failure.Message);
        Assert.False(failure.OutcomeUnknown);
    }

    [Fact]
    public async Task The_connect_timeout_covers_the_TLS_handshake()
    {
        await using var node = FakeNode.Running(session => session.StallAsync());

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectAsync(
            node, new ConnectionOptions { Tls = new TlsOptions(), ConnectTimeout = TimeSpan.FromMilliseconds(100) }).WaitAsync(Soon));

        Assert.Equal(
            $"Cannot connect to {node.Endpoint}: no answer within 100 ms to the TLS handshake (perhaps the port does not speak TLS).",
            failure.Message);
    }

    [Fact]
    public async Task The_connect_timeout_covers_a_host_that_drops_packets()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(),
            "Only Linux leaves a connection request unanswered while the queue of connections is full.");
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var address = (IPEndPoint)listener.LocalEndPoint!;
        var queued = Enumerable.Range(0, 8).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            .ToArray();
        foreach (var socket in queued)
            _ = socket.ConnectAsync(address);
        await Task.Delay(100);
        var sent = 0;

        var connector = new NodeConnector(new ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(100) }, (_, _) => sent++);
        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => connector.ConnectAsync(new NodeEndpoint("127.0.0.1", address.Port), CancellationToken.None).WaitAsync(Soon));

        Assert.Equal($"Cannot connect to {address}: no answer within 100 ms.", failure.Message);
        Assert.Equal(0, sent);
        foreach (var socket in queued)
            socket.Dispose();
    }

    [Fact]
    public async Task Cancelling_ends_an_attempt_in_progress()
    {
        using var cancellation = new CancellationTokenSource();
        await using var node = FakeNode.Running(async session =>
        {
            await session.ReceiveAsync();
            await cancellation.CancelAsync();
            await session.StallAsync();
        });

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new NodeConnector(
            new ConnectionOptions { ConnectTimeout = TimeSpan.FromMinutes(5) }).ConnectAsync(node.Endpoint, cancellation.Token)
                .WaitAsync(Soon));

        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
    }

    [Fact]
    public async Task A_token_that_is_already_cancelled_makes_no_connection()
    {
        await using var node = FakeNode.Answering(_ => "+OK\r\n");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new NodeConnector(new ConnectionOptions()).ConnectAsync(node.Endpoint, new CancellationToken(true)));

        Assert.Equal(0, node.Connections);
    }

    [Fact]
    public async Task A_web_server_is_reported_as_not_being_Redis()
    {
        await using var node = FakeNode.Answering(_ => "HTTP/1.1 400 Bad Request\r\n");

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() =>
            ConnectAsync(node, new ConnectionOptions { Password = Secret }));

        Assert.Equal(FailureCode.ProtocolError, failure.Code);
        Assert.Equal(
            $"{node.Endpoint} did not answer AUTH ***: the server sent something that is not a Redis reply: "
                + "it begins with \"HTTP/1.1 400 Bad Request\\r\\n\".",
            failure.Message);
        Assert.False(failure.OutcomeUnknown);
    }

    [Fact]
    public async Task A_port_that_closes_a_plain_connection_gets_the_hint_to_use_TLS()
    {
        await using var node = FakeNode.Running(session => session.ReceiveAsync());

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectAsync(node, new ConnectionOptions()));

        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.Contains("the connection was closed", failure.Message);
        Assert.Contains("connect by TLS", failure.Message);
    }

    private static Task<INodeConnection> ConnectAsync(FakeNode node, ConnectionOptions options) => ConnectAsync(node.Endpoint, options);

    private static Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, ConnectionOptions options) =>
        new NodeConnector(options).ConnectAsync(endpoint, CancellationToken.None);

    [Theory]
    [InlineData("::1:7000", 6379, "brackets: [::1]:7000")]
    [InlineData("::7000", 6379, "brackets: [::]:7000")]
    [InlineData("fe80::1", 7000, "fe80::1%eth0")]
    [InlineData("fe80::1%eth9", 7000, "an interface 'eth9'")]
    [InlineData("::1:7000", 7001, "")]
    [InlineData("::1", 6379, "")]
    [InlineData("10.0.0.1", 6379, "")]
    public void A_mistyped_IPv6_address_gets_a_hint(string host, int port, string hint)
    {
        var actual = ConnectionFailure.HintAt(new NodeEndpoint(host, port));
        Assert.True(hint.Length == 0 ? actual.Length == 0 : actual.Contains(hint, StringComparison.Ordinal), actual);
    }
}
