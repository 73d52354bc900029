using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>Two masters, each with a TLS port and a plain port, and tls-cluster on or off.</summary>
internal sealed class TwoPortCluster : IAsyncDisposable
{
    private readonly TestAuthority _authority;
    private readonly int[] _otherPorts;
    private readonly bool _tlsCluster;

    private TwoPortCluster(TestAuthority authority, TestCluster cluster, bool tlsCluster, int[] otherPorts)
    {
        _authority = authority;
        Cluster = cluster;
        _tlsCluster = tlsCluster;
        _otherPorts = otherPorts;
    }

    public TestCluster Cluster { get; }

    public static async Task<TwoPortCluster> StartAsync(string server, bool tlsCluster)
    {
        var authority = new TestAuthority();
        var files = authority.ServerFiles;
        int[] others = [LoopbackPorts.Reserve(), LoopbackPorts.Reserve()];
        var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with
        {
            // The lab connects as the nodes do to each other, because CLUSTER MEET needs the port with the encryption of the bus.
            Tls = tlsCluster ? files : null,
            Connection = new ConnectionOptions { Tls = tlsCluster ? new TlsOptions { CaCertificatePath = authority.CaPath } : null },
            Slots = [[new SlotRange(0, 8211)], [new SlotRange(8212, 16383)]],
            ConfigLines = tlsCluster ? [] :
            [
                "tls-cert-file " + files.CertificatePath, "tls-key-file " + files.KeyPath,
                "tls-ca-cert-file " + files.CaPath, "tls-auth-clients no",
            ],
            NodeConfigLines = index => [(tlsCluster ? "port " : "tls-port ") + others[index]],
        });
        return new TwoPortCluster(authority, cluster, tlsCluster, others);
    }

    /// <summary>The TLS port of a node, or the plain one.</summary>
    public int Port(int node, bool tls) => tls == _tlsCluster ? Cluster.Node(node).Endpoint.Port : _otherPorts[node];

    /// <summary>
    /// A session with all nodes as endpoints. Redis before 7.2 with tls-cluster no announces plain ports even to TLS clients.
    /// </summary>
    public RedisClusterSession Session(bool tls) => new(
        Enumerable.Range(0, 2).Select(node => new NodeEndpoint("127.0.0.1", Port(node, tls))),
        new ConnectionOptions { Tls = tls ? new TlsOptions { CaCertificatePath = _authority.CaPath } : null });

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        foreach (var port in _otherPorts)
            LoopbackPorts.Release(port);
        _authority.Dispose();
    }
}
