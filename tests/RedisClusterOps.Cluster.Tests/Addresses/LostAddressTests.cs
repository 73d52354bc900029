using System.Collections.Concurrent;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Addresses;

/// <summary>Addresses that are missing or not reachable from the client.</summary>
public sealed class LostAddressTests
{
    // Until a node has met another one, it does not know its own address: CLUSTER NODES shows ":7000", CLUSTER SHARDS "".
    [Fact]
    public Task A_node_that_does_not_know_its_address_is_shown_with_the_endpoint_used() =>
        Task.WhenAll(Servers.RedisAndValkey.Select(server => AloneAsync(server.Data)));

    // The announced address is reachable only for nodes. Clients receive a host name, or keep the host that they are connected to, so
    // that no map is needed.
    [Fact]
    public Task A_node_with_an_unreachable_address_is_reached_at_the_endpoint_for_clients() => Task.WhenAll(
        FromOutsideAsync(Servers.Redis70, "localhost", "cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"),
        FromOutsideAsync(Servers.Redis86, "127.0.0.1", "cluster-preferred-endpoint-type unknown-endpoint"),
        FromOutsideAsync(Servers.Valkey91, "127.0.0.1", "cluster-preferred-endpoint-type unknown-endpoint"));

    private static async Task AloneAsync(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, masters: 1, with: options => options with { Slots = [[new SlotRange(0, 16382)]] });
        Assert.Equal(string.Empty, (await TestCluster.OwnLineOfAsync(cluster.Node(0))).Host);
        var seed = new NodeEndpoint("localhost", cluster.Node(0).Endpoint.Port);
        using var core = new RedisCluster(new RedisClusterSession([seed], cluster.Connection)) { KeepsJournal = false };

        Assert.Equal((seed.ToString(), null), (await core.GetNodesAsync(default)).Select(node => (node.Endpoint, node.Trouble)).Single());
        Assert.Equal(
            [FindingCode.SlotUncovered, FindingCode.ClusterStateFail],
            (await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings
                .Where(finding => finding.Severity == FindingSeverity.Error).Select(finding => finding.Code));
        var plan = Assert.Single(await core.PlanRepairAsync(new RepairOptions(), new MoveOptions(), default));
        Assert.Equal(
            [seed + " CLUSTER BUMPEPOCH", seed + " CLUSTER ADDSLOTS 16383"],
            plan.Commands.Select(command => command.Node + " " + command.Command));
        Assert.Null((await core.CarryOutAsync(plan, default)).Failure);
        await cluster.Cluster.WaitUntilAgreedAsync();
        Assert.Empty((await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings);
    }

    private static async Task FromOutsideAsync(string server, string host, params string[] lines)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with
        {
            ConfigLines = ["bind 127.0.0.1 127.0.0.2", "cluster-announce-ip 127.0.0.2", .. lines],
        });
        await cluster.Wedge().WedgeAsync(slot: 7, keys: 20, moved: 5);
        var session = new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection);
        var connector = new FromOutside(new NodeConnector(session.Options));
        using var core = new RedisCluster(session, connector, null) { KeepsJournal = false };

        Assert.All(await core.GetNodesAsync(default), node => Assert.Equal(("127.0.0.2", null), (node.Host, node.Trouble)));
        var plan = await core.PlanCompletionAsync(7, null, null, new MoveOptions(), default);
        Assert.StartsWith("MIGRATE 127.0.0.2 ", plan.Commands[0].Command);
        Assert.Null((await core.CarryOutAsync(plan, default)).Failure);
        Assert.True((await cluster.Wedge().ReadBackAsync(7, 20)).IsComplete);
        Assert.Contains(new NodeEndpoint(host, cluster.Node(1).Endpoint.Port), connector.Reached);
    }

    /// <summary>Addresses that only the nodes can reach do not respond.</summary>
    private sealed class FromOutside(INodeConnector inner) : INodeConnector
    {
        public IClock Clock => inner.Clock;

        public ConcurrentBag<NodeEndpoint> Reached { get; } = [];

        public Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
        {
            if (endpoint.Host == "127.0.0.2")
            {
                throw new RedisConnectionException(
                    FailureCode.ConnectionFailed, endpoint, "No reply from " + endpoint + ".", outcomeUnknown: false);
            }

            Reached.Add(endpoint);
            return inner.ConnectAsync(endpoint, cancellation);
        }
    }
}
