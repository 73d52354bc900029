using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster.Tests.Addresses;

/// <summary>A way of nodes to be called.</summary>
/// <param name="Host">What they listen on.</param>
/// <param name="Announced">What they call themselves in CLUSTER NODES, and among themselves.</param>
/// <param name="Seed">What the cluster is named by at first.</param>
/// <param name="ConfigLines">What makes them.</param>
internal sealed record AddressKind(string Host, string Announced, string Seed, params string[] ConfigLines)
{
    public const string Unannounced = "host names that nobody announces";

    public static IReadOnlyDictionary<string, AddressKind> All { get; } = new Dictionary<string, AddressKind>
    {
        ["IPv6"] = new("::1", "::1", "::1"),
        ["host names"] = new("127.0.0.1", "127.0.0.1", "localhost", "cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"),
        // Clients are told '?' then.
        [Unannounced] = new("127.0.0.1", "127.0.0.1", "127.0.0.1", "cluster-preferred-endpoint-type hostname"),
        // Clients are told NULL, or nothing at all: to stay at the host that they asked.
        ["unknown endpoints"] = new("127.0.0.1", "127.0.0.1", "localhost", "cluster-preferred-endpoint-type unknown-endpoint"),
        // The nodes may use it, we may not.
        ["behind an address map"] = new("127.0.0.1", "127.0.0.2", "127.0.0.1", "bind 127.0.0.1 127.0.0.2", "cluster-announce-ip 127.0.0.2"),
    };

    /// <summary>False where this machine has no such addresses.</summary>
    public bool IsPossible => Host != "::1" || Socket.OSSupportsIPv6;

    /// <summary>Two masters, one with some slots more than the other.</summary>
    public Task<TestCluster> StartAsync(string server) => TestCluster.StartAsync(server, masters: 2, with: options => options with
    {
        Host = Host,
        ConfigLines = ConfigLines,
        Slots = [[new SlotRange(0, 8211)], [new SlotRange(8212, 16383)]],
    });

    /// <summary>Announced to reachable, where the two differ.</summary>
    public Dictionary<string, string> Map(TestCluster cluster) => Announced == Host ? [] : cluster.Endpoints.ToDictionary(
        node => new NodeEndpoint(Announced, node.Port).ToString(), node => node.ToString());
}
