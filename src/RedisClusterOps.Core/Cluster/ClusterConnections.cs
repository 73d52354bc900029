using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>
/// The connections of one invocation: one per address, and a second one for databases other than 0. Each is opened when first needed.
/// </summary>
/// <remarks>
/// A broken connection is replaced at the next request for it; the caller that used it has had the exception by then. Other databases
/// have a connection of their own, so that work in them and in database 0 needs no SELECT back and forth.
/// </remarks>
internal sealed class ClusterConnections(INodeConnector connector) : IDisposable
{
    private readonly Dictionary<(NodeEndpoint Endpoint, bool IsOther), SelectingConnection> _open = [];
    private readonly object _gate = new();
    private bool _disposed;

    public IClock Clock => connector.Clock;

    /// <summary>A usable connection to database 0 of the address.</summary>
    /// <param name="endpoint">The address to dial, with the address map already applied.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="RedisConnectionException">No connection can be made.</exception>
    public Task<INodeConnection> GetAsync(NodeEndpoint endpoint, CancellationToken cancellation) => GetAsync(endpoint, 0, cancellation);

    /// <summary>A usable connection to one database of the address. It selects the database when it first sends.</summary>
    /// <param name="endpoint">The address to dial, with the address map already applied.</param>
    /// <param name="database">0 or above.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="RedisConnectionException">No connection can be made.</exception>
    public async Task<INodeConnection> GetAsync(NodeEndpoint endpoint, int database, CancellationToken cancellation) =>
        (await GetAsync((endpoint, database != 0), cancellation).ConfigureAwait(false)).In(database);

    private async Task<SelectingConnection> GetAsync((NodeEndpoint Endpoint, bool IsOther) place, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_disposed)
                throw new ObjectDisposedException(nameof(ClusterConnections));
            if (_open.TryGetValue(place, out var known) && known.IsUsable)
                return known;
        }

        var made = new SelectingConnection(await connector.ConnectAsync(place.Endpoint, cancellation).ConfigureAwait(false));
        lock (_gate)
        {
            if (_disposed)
            {
                made.Dispose();
                throw new ObjectDisposedException(nameof(ClusterConnections));
            }

            if (_open.TryGetValue(place, out var other))
            {
                // Another task was quicker, and may be using its connection.
                if (other.IsUsable)
                {
                    made.Dispose();
                    return other;
                }

                other.Dispose();
            }

            _open[place] = made;
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
