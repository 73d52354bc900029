using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster.Tests.Addresses;

/// <summary>A kind of address that nodes announce.</summary>
/// <param name="Host">The address that the nodes listen on.</param>
/// <param name="Announced">The address in CLUSTER NODES, which the nodes use among themselves.</param>
/// <param name="Seed">The host of the first endpoint.</param>
/// <param name="ConfigLines">The settings for this kind.</param>
internal sealed record AddressKind(string Host, string Announced, string Seed, params string[] ConfigLines)
{
    public const string Unannounced = "unannounced host names";

    public static IReadOnlyDictionary<string, AddressKind> All { get; } = new Dictionary<string, AddressKind>
    {
        ["IPv6"] = new("::1", "::1", "::1"),
        ["host names"] = new(
            "127.0.0.1", "127.0.0.1", "localhost", "cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"),
        // Clients receive '?' as the host.
        [Unannounced] = new("127.0.0.1", "127.0.0.1", "127.0.0.1", "cluster-preferred-endpoint-type hostname"),
        // Clients receive NULL or an empty host: they should keep the host that they are connected to.
        ["unknown endpoints"] = new("127.0.0.1", "127.0.0.1", "localhost", "cluster-preferred-endpoint-type unknown-endpoint"),
        // Only the nodes can use the announced address.
        ["behind an address map"] = new("127.0.0.1", "127.0.0.2", "127.0.0.1", "bind 127.0.0.1 127.0.0.2", "cluster-announce-ip 127.0.0.2"),
    };

    /// <summary>True if redirects name no host. The client library does not support that.</summary>
    public bool HidesHosts => ConfigLines.Any(line => line.EndsWith("unknown-endpoint", StringComparison.Ordinal))
        || (ConfigLines.Contains("cluster-preferred-endpoint-type hostname") && ConfigLines.Length == 1);

    /// <summary>False if this machine has no such addresses.</summary>
    public bool IsPossible => Host != "::1" || Socket.OSSupportsIPv6;

    /// <summary>Starts two masters, one with slightly more slots than the other.</summary>
    public Task<TestCluster> StartAsync(string server) => TestCluster.StartAsync(server, masters: 2, with: options => options with
    {
        Host = Host,
        ConfigLines = ConfigLines,
        Slots = [[new SlotRange(0, 8211)], [new SlotRange(8212, 16383)]],
    });

    /// <summary>Maps announced to reachable addresses if they differ.</summary>
    public Dictionary<string, string> Map(TestCluster cluster) => Announced == Host ? [] : cluster.Endpoints.ToDictionary(
        node => new NodeEndpoint(Announced, node.Port).ToString(), node => node.ToString());
}
