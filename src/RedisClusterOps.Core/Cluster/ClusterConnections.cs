using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>
/// The connections of one invocation: one for each address, a second one for keys in bulk and for databases other than 0, and further ones
/// for commands that wait on the server. Each is opened when first needed.
/// </summary>
/// <remarks>
/// A broken connection is replaced at the next request for it. Databases other than 0 have a separate connection, so that commands for
/// them and for database 0 can alternate without SELECT.
/// </remarks>
internal sealed class ClusterConnections(INodeConnector connector) : IDisposable
{
    private readonly Dictionary<(NodeEndpoint Endpoint, int Number), SelectingConnection> _open = [];
    private readonly object _gate = new();
    private string? _name;
    private bool _disposed;

    private const int Main = 0;
    private const int Keys = -1;

    // -2 is the probe of a move (NodePace).
    private const int Delayed = -3;

    public IClock Clock => connector.Clock;

    /// <summary>
    /// Sets the name of the connections, which CLIENT LIST shows. Each of them, and each one that replaces it, sends the name before its
    /// next command.
    /// </summary>
    public void SetName(string name)
    {
        lock (_gate)
            _name = name;
    }

    /// <summary>Returns a usable connection to database 0 of the address.</summary>
    /// <param name="endpoint">The address to dial, after translation by the address map.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="RedisConnectionException">The connection could not be made.</exception>
    public Task<INodeConnection> GetAsync(NodeEndpoint endpoint, CancellationToken cancellation) => GetAsync(endpoint, 0, cancellation);

    /// <summary>Returns a usable connection to one database of the address. It selects the database before its first batch.</summary>
    /// <param name="endpoint">The address to dial, after translation by the address map.</param>
    /// <param name="database">0 or above.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="RedisConnectionException">The connection could not be made.</exception>
    public Task<INodeConnection> GetAsync(NodeEndpoint endpoint, int database, CancellationToken cancellation) =>
        GetNamedAsync((endpoint, database == 0 ? Main : Keys), database, cancellation);

    /// <summary>
    /// Returns a usable connection to one database of the address, on which commands do not wait for replies to others. It is the one for
    /// all other commands if the node accepts no second one.
    /// </summary>
    /// <inheritdoc cref="GetAsync(NodeEndpoint, int, CancellationToken)"/>
    public Task<INodeConnection> GetForKeysAsync(NodeEndpoint endpoint, int database, CancellationToken cancellation) =>
        GetSecondAsync((endpoint, Keys), database, cancellation);

    /// <summary>
    /// Returns a connection for commands that the node may delay: no other command waits behind them, or ends with the connection. It is
    /// the one for all other commands if the node accepts no second one.
    /// </summary>
    /// <inheritdoc cref="GetAsync(NodeEndpoint, int, CancellationToken)"/>
    public Task<INodeConnection> GetForDelayedAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        GetSecondAsync((endpoint, Delayed), 0, cancellation);

    private async Task<INodeConnection> GetSecondAsync(
        (NodeEndpoint Endpoint, int Number) place, int database, CancellationToken cancellation)
    {
        try
        {
            return await GetNamedAsync(place, database, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            return await GetNamedAsync((place.Endpoint, Main), database, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<INodeConnection> GetNamedAsync(
        (NodeEndpoint Endpoint, int Number) place, int database, CancellationToken cancellation)
    {
        var connection = await GetAsync(place, cancellation).ConfigureAwait(false);
        string? name;
        lock (_gate)
            name = _name;
        if (name is not null)
            await connection.SetNameAsync(name, cancellation).ConfigureAwait(false);
        return connection.In(database);
    }

    /// <summary>The server's error if a connection to the address could not be named; null if it was named, or there is none.</summary>
    public string? NameRefusal(NodeEndpoint endpoint)
    {
        lock (_gate)
            return _open.TryGetValue((endpoint, Main), out var known) ? known.NameRefusal : null;
    }

    /// <summary>Returns one of several connections to database 0 of the address, which wait for replies independently.</summary>
    /// <param name="endpoint">The address to dial, after translation by the address map.</param>
    /// <param name="number">0 for the connection that all other commands use, or above.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="RedisConnectionException">The connection could not be made.</exception>
    public async Task<INodeConnection> GetParallelAsync(NodeEndpoint endpoint, int number, CancellationToken cancellation) =>
        await GetAsync((endpoint, number), cancellation).ConfigureAwait(false);

    private async Task<SelectingConnection> GetAsync((NodeEndpoint Endpoint, int Number) place, CancellationToken cancellation)
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
                // Another task connected first, and may be using its connection.
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

/// <summary>A connection that tracks the selected database. Each batch runs in its intended database, or is not sent.</summary>
/// <remarks>
/// After a rejected SELECT, a server runs the following commands in the database that was selected before. So a batch is sent only after
/// the reply to its SELECT has been read, and no other batch is sent between the two.
/// </remarks>
internal sealed class SelectingConnection(INodeConnection inner) : INodeConnection
{
    private const string Select = "SELECT";

    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private int _selected;
    private string? _name;

    public NodeEndpoint Endpoint => inner.Endpoint;

    /// <summary>The server's error if it refused the last name; null otherwise.</summary>
    public string? NameRefusal { get; private set; }

    public bool IsUsable => inner.IsUsable;

    /// <summary>
    /// Sends to database 0. A read-only batch may itself select other databases if it checks the replies. The next batch starts in
    /// database 0 again.
    /// </summary>
    public Task<IReadOnlyList<RespValue>> SendAsync(
        IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
        SendAsync(0, commands, timeout, cancellation);

    /// <summary>Names the connection. Not every server supports it, and not every user may do it.</summary>
    public async Task SetNameAsync(string name, CancellationToken cancellation)
    {
        if (_name == name)
            return;
        var replies = await inner.SendAsync([RespCommand.Of("CLIENT", "SETNAME", name)], null, cancellation).ConfigureAwait(false);
        (NameRefusal, _name) = (replies[0].IsError ? replies[0].Text : null, name);
    }

    /// <summary>The same connection for another database.</summary>
    public INodeConnection In(int database) => database == 0 ? this : new OtherDatabase(this, database);

    public void Dispose() => inner.Dispose();

    private async Task<IReadOnlyList<RespValue>> SendAsync(
        int database, IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_selected != database)
            {
                await inner.SendAsync(RespCommand.Of(Select, database), cancellation).ConfigureAwait(false);
                _selected = database;
            }

            var replies = await inner.SendAsync(commands, timeout, cancellation).ConfigureAwait(false);
            for (var i = 0; i < commands.Count; i++)
            {
                if (!replies[i].IsError && DatabaseOf(commands[i]) is { } selected)
                    _selected = selected;
            }

            return replies;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private static int? DatabaseOf(RespCommand command)
    {
        var words = command.Arguments;
        return words.Count == 2 && words[0].Length == Select.Length && Encoding.ASCII.GetString(words[0]) == Select
            ? int.Parse(Encoding.ASCII.GetString(words[1]), NumberStyles.None, CultureInfo.InvariantCulture)
            : null;
    }

    private sealed class OtherDatabase(SelectingConnection connection, int database) : INodeConnection
    {
        public NodeEndpoint Endpoint => connection.Endpoint;

        public bool IsUsable => connection.IsUsable;

        /// <exception cref="RedisServerException">The server rejected SELECT. No command was sent.</exception>
        public Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
            connection.SendAsync(database, commands, timeout, cancellation);

        public void Dispose() => connection.Dispose();
    }
}
