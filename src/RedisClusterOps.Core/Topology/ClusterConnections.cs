using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Topology;

/// <summary>One connection per address for the length of one invocation, opened when first needed.</summary>
/// <remarks>A connection that broke is replaced only when somebody asks for it anew: whoever was using it has had the exception by then.</remarks>
internal sealed class ClusterConnections(INodeConnector connector) : IDisposable
{
    private readonly Dictionary<NodeEndpoint, INodeConnection> _open = [];
    private readonly object _gate = new();
    private bool _disposed;

    public IClock Clock => connector.Clock;

    /// <summary>The usable connection to the address, or a new one.</summary>
    /// <param name="endpoint">The address to dial, with the address map already applied.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="RedisConnectionException">No connection can be made.</exception>
    public async Task<INodeConnection> GetAsync(NodeEndpoint endpoint, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_disposed)
                throw new ObjectDisposedException(nameof(ClusterConnections));
            if (_open.TryGetValue(endpoint, out var known) && known.IsUsable)
                return known;
        }

        var made = await connector.ConnectAsync(endpoint, cancellation).ConfigureAwait(false);
        lock (_gate)
        {
            if (_disposed)
            {
                made.Dispose();
                throw new ObjectDisposedException(nameof(ClusterConnections));
            }

            if (_open.TryGetValue(endpoint, out var other))
            {
                // Somebody was quicker, and may be using it.
                if (other.IsUsable)
                {
                    made.Dispose();
                    return other;
                }

                other.Dispose();
            }

            _open[endpoint] = made;
            return made;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var connection in _open.Values)
                connection.Dispose();
            _open.Clear();
        }
    }
}
