using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>A cluster client like that of an application: follows MOVED and ASK, caches owners, and retries after TRYAGAIN.</summary>
internal sealed class RedirectFollower(INodeConnector connector, NodeEndpoint start) : IDisposable
{
    private static readonly TimeSpan RetryTimeout = TimeSpan.FromSeconds(10);

    private readonly ClusterConnections _connections = new(connector);
    private readonly Dictionary<int, NodeEndpoint> _owners = [];

    /// <summary>Sends a command about a key to the node that serves it. The reply may be an error, but is no redirect.</summary>
    /// <exception cref="RedisConnectionException">A connection was lost; the next call opens a new one.</exception>
    public async Task<RespValue> AskAsync(byte[] key, RespCommand command, CancellationToken cancellation = default)
    {
        var slot = HashSlot.Of(key);
        var until = DateTime.UtcNow + RetryTimeout;
        var endpoint = _owners.GetValueOrDefault(slot, start);
        var asking = false;
        while (true)
        {
            var connection = await _connections.GetAsync(endpoint, cancellation);
            RespCommand[] commands = asking ? [RespCommand.Of("ASKING"), command] : [command];
            var replies = await connection.SendAsync(commands, null, cancellation);
            var reply = replies[^1];
            asking = false;
            if (!reply.IsError || DateTime.UtcNow > until)
                return reply;
            if (TryRedirect(reply.Text, "MOVED ", endpoint, out var owner))
            {
                endpoint = _owners[slot] = owner;
            }
            else if (TryRedirect(reply.Text, "ASK ", endpoint, out var importer))
            {
                endpoint = importer;
                asking = true;
            }
            else if (ServerErrors.StartsWith(reply.Text, "TRYAGAIN") || ServerErrors.StartsWith(reply.Text, "CLUSTERDOWN"))
            {
                await Task.Delay(50, cancellation);
                endpoint = _owners.GetValueOrDefault(slot, start);
            }
            else
            {
                return reply;
            }
        }
    }

    public void Dispose() => _connections.Dispose();

    // "MOVED 5519 127.0.0.1:7002", or "::1:7002". An empty or unknown host means the host of the node that answered.
    private static bool TryRedirect(string error, string kind, NodeEndpoint from, out NodeEndpoint to)
    {
        to = default;
        var parts = error.Split(' ');
        if (!ServerErrors.StartsWith(error, kind) || parts.Length < 3)
            return false;
        var colon = parts[2].LastIndexOf(':');
        if (colon < 0 || !int.TryParse(parts[2].AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = parts[2][..colon];
        to = new NodeEndpoint(host is "" or "?" ? from.Host : host, port);
        return true;
    }
}
