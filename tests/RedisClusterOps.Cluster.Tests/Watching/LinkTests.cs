using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Watching;

/// <summary>Measures round trips to real nodes and reads what they report about each other, also with a node that hangs.</summary>
public sealed class LinkTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Every_node_is_measured_and_reports_its_link_to_every_other(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        using var redis = new RedisCluster(
            new RedisClusterSession([cluster.Node(0).Endpoint], new ConnectionOptions { ConnectTimeout = TimeSpan.FromSeconds(1) }));

        var links = await redis.MeasureLinksAsync(20, null, default);

        var trips = links.Where(link => link.Kind == LinkKind.ClientToNode).ToList();
        Assert.Equal(cluster.Nodes.Select(node => node.Endpoint.ToString()).Order(), trips.Select(link => link.Target).Order());
        Assert.All(trips, link =>
        {
            Assert.Equal(("client", LinkState.Connected, 20, 20, 0.0), (link.Source, link.State, link.Sent, link.Received, link.Loss));
            Assert.True(
                link.Min > 0 && link.Min <= link.Mean && link.Mean <= link.Max && link.P99 == link.Max && link.Jitter >= 0,
                link.ToString());
        });
        var bus = links.Where(link => link.Kind == LinkKind.NodeToNode).ToList();
        Assert.Equal(6, bus.Count);
        Assert.Equal(6, bus.Select(link => (link.Source, link.Target)).Distinct().Count());
        Assert.All(bus, link => Assert.Equal(LinkState.Connected, link.State));
        if (server != Servers.Garnet)
        {
            Assert.All(
                bus,
                link => Assert.True(
                    link.SendQueue >= 0
                        && link.Age > TimeSpan.Zero
                        && link.PongAge >= TimeSpan.Zero
                        && link.PongAge < TimeSpan.FromMinutes(1),
                    link.ToString()));
        }
        else
        {
            // Garnet measures time differently and lists no links, so the fields are null.
            Assert.All(bus, link => Assert.Equal((null, null, null), (link.SendQueue, link.Age, link.PongAge)));
        }

        var frozen = cluster.Node(1);
        var name = frozen.Endpoint.ToString();
        frozen.Stop();
        try
        {
            var began = DateTime.UtcNow;
            links = await redis.MeasureLinksAsync(20, [name], default);
            Assert.InRange(DateTime.UtcNow - began, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            var dead = Assert.Single(links, link => link.Kind == LinkKind.ClientToNode);
            Assert.Equal((name, LinkState.Disconnected, 0, 100.0), (dead.Target, dead.State, dead.Received, dead.Loss));
            Assert.NotNull(dead.Trouble);
            // The frozen node reports nothing, but both others report their link to it.
            Assert.Equal(2, links.Count(link => link.Kind == LinkKind.NodeToNode));
            Assert.All(links, link => Assert.Equal(name, link.Target));
        }
        finally
        {
            frozen.Continue();
        }

        await Assert.ThrowsAsync<RedisOperationException>(() => redis.MeasureLinksAsync(1, ["no-such-node"], default));
    }
}
