using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>A cluster behind its own port map. Clients reach its nodes only through proxies.</summary>
internal sealed class MappedCluster : IAsyncDisposable
{
    private const int Slot = 7;
    private const int Keys = 30;

    private readonly TestCluster _cluster;
    private readonly IReadOnlyList<TcpProxy> _proxies;

    private MappedCluster(TestCluster cluster)
    {
        _cluster = cluster;
        _proxies = [.. cluster.Nodes.Select(node => new TcpProxy(node.Endpoint))];
    }

    /// <summary>Starts two masters, one with slightly more slots than the other.</summary>
    public static async Task<MappedCluster> StartAsync(string server) => new(await TestCluster.StartAsync(
        server, masters: 2, with: options => options with { Slots = [[new SlotRange(0, 8211)], [new SlotRange(8212, 16383)]] }));

    public async Task WorkAsync()
    {
        await _cluster.Wedge().WedgeAsync(slot: Slot, keys: Keys, moved: 10);
        var map = _cluster.Nodes.Zip(_proxies)
            .ToDictionary(pair => pair.First.Endpoint.ToString(), pair => pair.Second.Endpoint.ToString());
        var session = new RedisClusterSession([_proxies[0].Endpoint], _cluster.Connection, map);
        var connector = new AddressMapTests.OnlyConnector(
            new NodeConnector(session.Options), [.. _proxies.Select(proxy => proxy.Endpoint)]);
        // KeyByKey, because only MIGRATE contains an address that we choose. Server-side migrations do not.
        var options = new MoveOptions { Method = MoveMethod.KeyByKey };
        using var core = new RedisCluster(session, connector, null) { KeepsJournal = false };

        Assert.Equal(
            _cluster.Endpoints.Select(node => node.ToString()).Order(),
            (await core.GetNodesAsync(default)).Select(node => node.Endpoint).Order());
        var open = (await core.GetOpenSlotsAsync(null, default)).Single();
        Assert.Equal((Slot, 20L, 10L), (open.Slot, open.KeysOnSource!.Value, open.KeysOnTarget!.Value));
        var completed = await core.CarryOutAsync(await core.PlanCompletionAsync(Slot, null, null, options, default), default);
        Assert.Equal((20L, null), (completed.Result.KeysMoved, completed.Failure));

        var plan = await core.PlanRebalanceAsync(new RebalanceOptions { Threshold = 0 }, options, default);
        Assert.Equal(19, Assert.Single(plan.Moves).SlotCount);
        Assert.All(await MoveRuns.CarryOutAsync(core, plan, options), moved => Assert.Null(moved.Failure));
        Assert.Empty((await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings);

        Assert.NotEmpty(connector.Migrates);
        Assert.All(connector.Migrates, port => Assert.Contains(_cluster.Nodes, node => node.Endpoint.Port.ToString() == port));
        Assert.True((await _cluster.Wedge().ReadBackAsync(Slot, Keys)).IsComplete);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in _proxies)
            await proxy.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}
