using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace RedisClusterOps.Client;

/// <summary>Connects the library as the session connects: with its login, address map and TLS settings.</summary>
internal sealed class ClientConnection : Tunnel
{
    private readonly ClientWork _work;
    private readonly TlsClient? _tls;

    private ClientConnection(ClientWork work)
    {
        _work = work;
        _tls = work.Connection.Tls is { } tls ? new TlsClient(tls) : null;
    }

    public static ConfigurationOptions Options(ClientWork work)
    {
        var options = new ConfigurationOptions
        {
            ClientName = "redisclusterops.client",
            User = work.Connection.User,
            Password = work.Connection.Password,
            ConnectTimeout = (int)work.Connection.ConnectTimeout.TotalMilliseconds,
            AsyncTimeout = (int)work.Connection.ConnectTimeout.TotalMilliseconds,
            AbortOnConnectFail = true,
            IncludeDetailInExceptions = false,
            // No writes of the library's own: these two use keys and channels of the cluster.
            TieBreaker = string.Empty,
            ConfigurationChannel = string.Empty,
            // The map and TLS are those of the module: one way to verify a certificate, for every server name.
            Tunnel = new ClientConnection(work),
        };
        foreach (var master in work.Masters)
            options.EndPoints.Add(EndPointOf(master));
        return options;
    }

    /// <inheritdoc/>
    public override ValueTask<EndPoint?> GetSocketConnectEndpointAsync(EndPoint endpoint, CancellationToken cancellationToken) =>
        new(EndPointOf(Dialled(endpoint)));

    /// <inheritdoc/>
    public override async ValueTask<Stream?> BeforeAuthenticateAsync(
        EndPoint endpoint, ConnectionType connectionType, Socket? socket, CancellationToken cancellationToken) =>
        _tls is null || socket is null
            ? null
            : await _tls.HandshakeAsync(new NetworkStream(socket, ownsSocket: true), Dialled(endpoint).Host).ConfigureAwait(false);

    private NodeEndpoint Dialled(EndPoint endpoint) => _work.Dialled(endpoint switch
    {
        IPEndPoint address => new NodeEndpoint(address.Address.ToString(), address.Port),
        DnsEndPoint name => new NodeEndpoint(name.Host, name.Port),
        _ => throw new IOException("The endpoint is neither a name nor an address."),
    });

    private static EndPoint EndPointOf(NodeEndpoint endpoint) => IPAddress.TryParse(endpoint.Host, out var address)
        ? new IPEndPoint(address, endpoint.Port)
        : new DnsEndPoint(endpoint.Host, endpoint.Port);
}
