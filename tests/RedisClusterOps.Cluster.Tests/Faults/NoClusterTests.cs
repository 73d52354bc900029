using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>If the endpoint is not a cluster or does not respond, there is one clear error in time, and nothing is changed.</summary>
public sealed class NoClusterTests
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromMilliseconds(700);

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1:0")]
    [InlineData("127.0.0.1:70000")]
    [InlineData("http://127.0.0.1:7000")]
    [InlineData("127.0.0.1:7000,no-such-setting=1")]
    [InlineData("redis://user:secret@:7000")]
    [InlineData("127.0.0.1:7000,password=secret,ssl=perhaps")]
    [InlineData("host\u001b[31m:7000")]
    public void An_invalid_connection_string_is_rejected_before_any_connection(string text)
    {
        var failure = Assert.Throws<RedisOperationException>(() => RedisClusterSession.Parse(text));
        Assert.Equal(FailureCode.InvalidConnectionString, failure.Code);
        Assert.DoesNotContain("secret", failure.Message);
        Assert.DoesNotContain(failure.Message, char.IsControl);
    }

    [Fact]
    public async Task An_unknown_host_name_is_reported()
    {
        var failure = await FailureOfAsync(RedisClusterSession.Parse("foo"));
        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.Contains("foo:6379", failure.Message);
    }

    [Fact]
    public async Task A_closed_port_is_reported_as_connection_refused()
    {
        var port = LoopbackPorts.Reserve();
        var failure = await FailureOfAsync(Session(new NodeEndpoint("127.0.0.1", port)));
        LoopbackPorts.Release(port);
        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.Contains("127.0.0.1:" + port + ": connection refused", failure.Message);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<h1>\u001b[31mBad\u0007</h1>", FailureCode.ProtocolError)]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", FailureCode.ProtocolError)]
    [InlineData("\u0015\u0003\u0001\u0000\u0002\u0002\u0046", FailureCode.ProtocolError)]
    [InlineData("-ERR \u001b]0;title\u0007 nothing here\r\n", FailureCode.ServerError)]
    [InlineData("-DENIED Redis is running in protected mode\r\n", FailureCode.ConnectionFailed)]
    [InlineData("", FailureCode.ConnectionFailed)]
    public async Task A_server_that_is_not_Redis_is_reported_without_control_characters(string answer, FailureCode code)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var endpoint = new NodeEndpoint("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        using var ended = new CancellationTokenSource();
        var serving = ServeAsync(listener, Encoding.Latin1.GetBytes(answer), ended.Token);
        var clock = Stopwatch.StartNew();

        var failure = await FailureOfAsync(Session(endpoint));

        await ended.CancelAsync();
        await serving;
        Assert.True(code == failure.Code, failure.Code + ": " + failure.Message);
        Assert.Contains(endpoint.ToString(), failure.Message);
        Assert.DoesNotContain(failure.Message, char.IsControl);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, ConnectTimeout + TimeSpan.FromSeconds(1.5));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_server_without_cluster_mode_is_reported(string server)
    {
        var folder = Directory.CreateTempSubdirectory("redisclusterops-standalone-");
        var port = LoopbackPorts.Reserve();
        var endpoint = new NodeEndpoint("127.0.0.1", port);
        string[] special = server == Servers.Garnet
            ? ["--checkpointdir", "data", "--device-type", "RandomAccess", "--memory", "64m", "--page", "1m", "--index", "1m"]
            : ["--save", ""];
        string[] arguments = ["--port", port.ToString(), "--bind", "127.0.0.1", .. special];
        using var process = ServerProcess.Start(Servers.Get(server), arguments, folder.FullName);
        try
        {
            var until = DateTime.UtcNow.AddSeconds(20);
            RedisOperationException failure;
            while ((failure = await FailureOfAsync(Session(endpoint))).Code == FailureCode.ConnectionFailed && DateTime.UtcNow < until)
                await Task.Delay(50);
            Assert.True(failure.Code == FailureCode.NotAClusterNode, failure.Code + ": " + failure.Message);
            Assert.Contains(endpoint.ToString(), failure.Message);
        }
        finally
        {
            process.Kill();
            LoopbackPorts.Release(port);
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_node_that_hangs_delays_a_read_by_no_more_than_the_connect_timeout(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var hung = cluster.Node(1);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        hung.Stop();
        try
        {
            foreach (var seeds in new NodeEndpoint[][] { [cluster.Node(0).Endpoint], [hung.Endpoint, cluster.Node(0).Endpoint] })
            {
                using var redis = new RedisCluster(
                    new RedisClusterSession(seeds, new ConnectionOptions { ConnectTimeout = ConnectTimeout }));
                var clock = Stopwatch.StartNew();
                var nodes = await redis.GetNodesAsync(default);
                // The check waits for the timeout, within the resolution of the system timer, and not longer.
                Assert.InRange(clock.Elapsed, ConnectTimeout - TimeSpan.FromMilliseconds(50), ConnectTimeout + TimeSpan.FromSeconds(1.5));
                Assert.Equal(4, nodes.Count);
                var silent = Assert.Single(nodes, node => node.Trouble is not null);
                Assert.Equal(
                    (hung.Endpoint.ToString(), RedisNodeState.Unreachable, 5461), (silent.Endpoint, silent.State, silent.SlotCount));
                Assert.Contains("700 ms", silent.Trouble);
                var open = Assert.Single(await redis.GetOpenSlotsAsync(null, default));
                Assert.Equal((7, RedisOpenSlotState.Migrating), (open.Slot, open.State));
            }

            var failure = await FailureOfAsync(Session(hung.Endpoint));
            Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
            Assert.Contains(hung.Endpoint.ToString(), failure.Message);

            // A migration of other masters is completed without delay. On Valkey the hung node may import the slot too and take it over
            // when it resumes, so completion is refused, without delay.
            slot.Session = new RedisClusterSession([cluster.Node(0).Endpoint], new ConnectionOptions { ConnectTimeout = ConnectTimeout });
            var working = Stopwatch.StartNew();
            if (server == Servers.Valkey91)
            {
                var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => slot.CompleteAsync());
                Assert.Equal((FailureCode.NodeUnreachable, hung.Endpoint.ToString()), (refusal.Code, refusal.Subject));
            }
            else
            {
                var outcome = await slot.CompleteAsync();
                Assert.Null(outcome.Failure);
                Assert.Contains(hung.Endpoint + " does not answer", outcome.Result.Reason);
            }

            Assert.InRange(working.Elapsed.TotalSeconds, 0, 6);
        }
        finally
        {
            hung.Continue();
        }
    }

    private static RedisClusterSession Session(params NodeEndpoint[] seeds) =>
        new(seeds, new ConnectionOptions { ConnectTimeout = ConnectTimeout });

    private static async Task<RedisOperationException> FailureOfAsync(RedisClusterSession session)
    {
        using var redis = new RedisCluster(session);
        return await Assert.ThrowsAnyAsync<RedisOperationException>(() => redis.GetNodesAsync(default));
    }

    private static async Task ServeAsync(TcpListener listener, byte[] answer, CancellationToken ended)
    {
        var clients = new List<TcpClient>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(ended);
                clients.Add(client);
                // The reply is the same for every request.
                for (var i = 0; i < 8; i++)
                    await client.GetStream().WriteAsync(answer, ended);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
        {
            clients.ForEach(client => client.Dispose());
        }
    }
}
