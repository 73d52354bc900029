using System;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// A server that delays writes, as during a failover, delays a transaction with the guard, but no CLUSTER command by itself. It drops the
/// transaction if the connection is closed meanwhile.
/// </summary>
public sealed class DelayedTakeoverTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    public static TheoryData<string> Redis => [Servers.Redis70, Servers.Redis86];

    [Theory]
    [MemberData(nameof(Redis))]
    public async Task A_delayed_transaction_runs_after_the_delay_and_not_at_all_once_its_connection_is_closed(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, replicas: 3);
        var node = cluster.Node(1);
        var view = new NodeView(node.Endpoint, await TestCluster.ViewOfAsync(node));
        RespCommand[] transaction =
            [Transaction.Begin, FailoverGuard.Of(view)!, RespCommand.Of("CLUSTER", "BUMPEPOCH"), Transaction.Execute];
        var before = await EpochAsync(node);

        await DelayWritesAsync(node);
        await Assert.ThrowsAsync<RedisConnectionException>(() => SendAsync(cluster, node, transaction, TimeSpan.FromMilliseconds(200)));
        await Task.Delay(Pause);
        Assert.Equal(before, await EpochAsync(node));

        await DelayWritesAsync(node);
        await SendAsync(cluster, node, transaction, timeout: null);
        Assert.True(await EpochAsync(node) > before);
    }

    private static Task DelayWritesAsync(LocalNode node) =>
        node.SendAsync("CLIENT", "PAUSE", (int)Pause.TotalMilliseconds, "WRITE");

    private static async Task SendAsync(TestCluster cluster, LocalNode node, RespCommand[] commands, TimeSpan? timeout)
    {
        using var connection = await new NodeConnector(cluster.Connection).ConnectAsync(node.Endpoint, default);
        await connection.SendAsync(commands, timeout, default);
    }

    private static async Task<long> EpochAsync(LocalNode node) =>
        ServerFacts.Parse((await node.SendAsync("CLUSTER", "INFO")).Text).Number("cluster_my_epoch")!.Value;
}
