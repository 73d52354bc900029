using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>
/// A cluster behind a port map: clients cannot connect to the addresses that the nodes announce, and the nodes only use those.
/// </summary>
public sealed class AddressMapTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Clients_use_only_mapped_addresses_and_MIGRATE_uses_the_announced_ones(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var proxies = cluster.Nodes.Select(node => new TcpProxy(node.Endpoint)).ToList();
        try
        {
            var slot = new MovingSlot(cluster, 7);
            for (var i = 0; i < 30; i++)
                await slot.OnSourceAsync("SET", slot.Key("k" + i), "v");
            await slot.OpenAsync();
            var map = cluster.Nodes.Zip(proxies)
                .ToDictionary(pair => pair.First.Endpoint.ToString(), pair => pair.Second.Endpoint.ToString());
            slot.Session = new RedisClusterSession([proxies[1].Endpoint], cluster.Connection, map);

            var connector = new OnlyConnector(new NodeConnector(cluster.Connection), [.. proxies.Select(proxy => proxy.Endpoint)]);
            using (var redis = new RedisCluster(slot.Session, connector, null))
            {
                var nodes = await redis.GetNodesAsync(default);
                Assert.Equal(cluster.Endpoints.Select(node => node.ToString()).Order(), nodes.Select(node => node.Endpoint).Order());
                Assert.All(nodes, node => Assert.Null(node.Trouble));
                var open = Assert.Single(await redis.GetOpenSlotsAsync(null, default));
                Assert.Equal((slot.Source.Endpoint.ToString(), slot.Target.Endpoint.ToString()), (open.Source, open.Target));

                // A node can be named by its announced or its mapped address.
                await redis.PlanCompletionAsync(
                    7, slot.Source.Endpoint.ToString(), proxies[3].Endpoint.ToString(), new MoveOptions(), default);
                var outcome = await redis.CarryOutAsync(
                    await redis.PlanCompletionAsync(7, null, null, new MoveOptions(), default), default);
                Assert.Null(outcome.Failure);
                Assert.Equal(30, outcome.Result.KeysMoved);
                Assert.Empty((await redis.TestAsync(new HealthOptions { Deep = true }, default)).Findings);
            }

            await slot.AssertClosedAsync();
            Assert.All(connector.Migrates, to => Assert.Equal(slot.Target.Endpoint.Port.ToString(), to));
            Assert.NotEmpty(connector.Migrates);
        }
        finally
        {
            foreach (var proxy in proxies)
                await proxy.DisposeAsync();
        }
    }

    [Fact]
    public async Task Two_clusters_behind_different_maps_are_diagnosed_completed_and_rebalanced_side_by_side()
    {
        var sites = await Task.WhenAll(MappedCluster.StartAsync(Servers.Redis70), MappedCluster.StartAsync(Servers.Valkey91));
        try
        {
            await Task.WhenAll(sites.Select(site => site.WorkAsync()));
        }
        finally
        {
            foreach (var site in sites)
                await site.DisposeAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_map_to_the_wrong_node_is_detected(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        slot.Session = new RedisClusterSession(
            [cluster.Node(0).Endpoint],
            cluster.Connection,
            new Dictionary<string, string> { [slot.Target.Endpoint.ToString()] = cluster.Node(1).Endpoint.ToString() });
        var failure = await Assert.ThrowsAnyAsync<RedisOperationException>(() => slot.CompleteAsync());
        Assert.Equal(FailureCode.NodeUnreachable, failure.Code);
        Assert.Contains(slot.Target.Endpoint.ToString(), failure.Message);
        Assert.Equal(1, await slot.KeysOnSourceAsync());
        await slot.AssertOpenAsync();
    }

    /// <summary>Connects only to reachable addresses, and records the target port of each MIGRATE.</summary>
    internal sealed class OnlyConnector(INodeConnector inner, IReadOnlyList<NodeEndpoint> reachable) : INodeConnector
    {
        public ConcurrentBag<string> Migrates { get; } = [];

        public IClock Clock => inner.Clock;

        public Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
        {
            Assert.Contains(endpoint, reachable);
            return new HookedConnector(inner, Note).ConnectAsync(endpoint, cancellation);
        }

        private Task Note(NodeEndpoint node, IReadOnlyList<RespCommand> commands)
        {
            foreach (var command in commands.Where(command => command.ToString().StartsWith("MIGRATE ", StringComparison.Ordinal)))
                Migrates.Add(System.Text.Encoding.ASCII.GetString(command.Arguments[2]));
            return Task.CompletedTask;
        }
    }
}
