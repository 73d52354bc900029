using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Reads the whole cluster: starts at the seeds and asks every node that any node knows for its own view.</summary>
internal sealed class ClusterReader(RedisClusterSession session, ClusterConnections connections)
{
    // Versions and settings do not change while slots are moved one after another. After a pause, as for a user's consent, they may have.
    private static readonly TimeSpan FactsLastFor = TimeSpan.FromSeconds(10);

    private readonly NodeReader _nodes = new(session, connections.Clock);

    /// <summary>The address at which each node was reached, by node id.</summary>
    private readonly Dictionary<string, NodeEndpoint> _dialled = new(StringComparer.Ordinal);

    private (ClusterView View, TimeSpan At)? _last;

    public IClock Clock => connections.Clock;

    /// <summary>Reads every node once.</summary>
    /// <param name="sampling">Which nodes to measure CPU use on, and for how long; null to leave CPU use unknown.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="RedisOperationException">No node could be read; the message gives the reason for each address.</exception>
    public async Task<ClusterView> ReadAsync(CpuSampling? sampling, CancellationToken cancellation)
    {
        var views = new Dictionary<string, NodeView>(StringComparer.Ordinal);
        var failures = new Dictionary<NodeEndpoint, RedisOperationException>();
        var tried = new HashSet<NodeEndpoint>();
        var shared = new SharedLines();
        var askedForEndpoints = false;
        IReadOnlyDictionary<NodeEndpoint, string>? reachedBefore = null;
        for (var wave = session.Seeds; wave.Count > 0;)
        {
            tried.UnionWith(wave);
            var noneAnswered = views.Count == 0;
            foreach (var result in await ReadAllAsync(wave, shared, cancellation).ConfigureAwait(false))
            {
                if (result.View is { } view && (reachedBefore is null || BelongsHere(view, reachedBefore[result.Dialled], noneAnswered)))
                    views[view.Id] = view;
                else
                    failures[result.Dialled] = result.Failure ?? ViewMerge.AnotherCluster(result.Dialled);
            }

            foreach (var (dialled, failure) in ViewMerge.RemoveOtherClusters(views, session.Seeds))
                failures[dialled] = failure;
            wave = NextWave(views, tried, line => AddressOf(line.Endpoint!.Value, line.Id));
            // No seed may answer any more, or every node that does may have forgotten one that holds keys.
            reachedBefore = wave.Count == 0 ? session.Reached : null;
            if (reachedBefore is not null)
                wave = reachedBefore.Keys.Where(address => !tried.Contains(address)).ToList();
            if (wave.Count > 0 || askedForEndpoints)
                continue;
            (askedForEndpoints, reachedBefore) = (true, null);
            var endpoints = await AskForClientEndpointsAsync(views, cancellation).ConfigureAwait(false);
            wave = NextWave(views, tried, line => AlternativeFor(line, endpoints));
        }

        if (views.Count == 0)
            throw ViewMerge.NothingReached(failures);
        foreach (var view in views.Values)
            _dialled[view.Id] = view.Dialled;
        session.Reached = views.Values.ToDictionary(view => view.Dialled, view => view.Id);

        // CPU use is measured on all nodes together, after the last wave: otherwise each wave would take a window of its own.
        if (sampling is not null)
        {
            var measured = await Task.WhenAll(views.Values.Select(view => MeasureAsync(sampling, view, cancellation)))
                .ConfigureAwait(false);
            views = measured.ToDictionary(view => view.Id, StringComparer.Ordinal);
        }

        var merged = ViewMerge.Of(views.Values, failures, session);
        _last = (merged, Clock.Now);
        return merged;

        // Another node may have the address now. A node without slots that no other one lists any more has been removed.
        static bool BelongsHere(NodeView view, string id, bool noneAnswered) => view.Id == id
            && (noneAnswered || view.Self.Slots.Count > 0 || view.Self.ImportingFrom.Count > 0);

        // The map or the node's client endpoint may give an address that has not been tried.
        NodeEndpoint? AlternativeFor(NodeLine line, IReadOnlyDictionary<string, NodeEndpoint> endpoints)
        {
            var announced = line.Endpoint!.Value;
            if (!tried.Contains(session.MapAddress(announced)))
                return session.MapAddress(announced);
            return !session.IsMapped(announced) && endpoints.TryGetValue(line.Id, out var endpoint) ? session.MapAddress(endpoint) : null;
        }
    }

    /// <summary>Reads exactly these addresses, whichever clusters their nodes belong to.</summary>
    public async Task<IReadOnlyList<(NodeEndpoint Dialled, NodeView? View, RedisOperationException? Failure)>> ReadEachAsync(
        IEnumerable<NodeEndpoint> endpoints, CancellationToken cancellation)
    {
        var read = await ReadAllAsync(endpoints.Distinct(), new SharedLines(), cancellation).ConfigureAwait(false);
        foreach (var view in read.Select(each => each.View).OfType<NodeView>())
            _dialled[view.Id] = view.Dialled;
        return read;
    }

    /// <summary>
    /// Reads the roles, slots and flags of every node again. Versions and settings are reused from the last reading if it is recent.
    /// </summary>
    /// <exception cref="RedisOperationException">No node could be read.</exception>
    public async Task<ClusterView> ReadAgainAsync(CancellationToken cancellation)
    {
        if (_last is not { } last || Clock.Now - last.At > FactsLastFor || last.View.Nodes.Any(node => !node.IsReachable))
            return await ReadAsync(null, cancellation).ConfigureAwait(false);
        var shared = new SharedLines();
        try
        {
            var read = await FanOut.AllAsync(last.View.Nodes, node => ReadWithTasksAsync(node, shared, cancellation), cancellation)
                .ConfigureAwait(false);
            var views = read.ToDictionary(view => view.Id, StringComparer.Ordinal);

            // If a node has been added or replaced, the whole cluster must be read.
            if (views.Values.SelectMany(view => view.Lines).All(line => views.ContainsKey(line.Id)))
                return ViewMerge.Of(views.Values, new Dictionary<NodeEndpoint, RedisOperationException>(), session);
        }
        catch (Exception failure) when (failure is RedisOperationException or ArgumentException)
        {
            // A node is unreachable or was replaced. The full reading below reports it.
        }

        return await ReadAsync(null, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sets the name of every connection, which CLIENT LIST shows.</summary>
    public void SetConnectionName(string name) => connections.SetName(name);

    /// <summary>The node's error if it did not take the name of the connection; null otherwise.</summary>
    public string? NameRefusal(ClusterNode node) =>
        _dialled.TryGetValue(node.Id, out var dialled) ? connections.NameRefusal(dialled) : null;

    /// <summary>Returns a usable connection to database 0 of a node of the view.</summary>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectAsync(ClusterNode node, CancellationToken cancellation) => ConnectAsync(node, 0, cancellation);

    /// <summary>Returns a usable connection to one database of a node of the view.</summary>
    /// <remarks>Its commands run in that database, or fail with the server's error.</remarks>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectAsync(ClusterNode node, int database, CancellationToken cancellation) =>
        connections.GetAsync(AddressOf(node), database, cancellation);

    /// <summary>
    /// Returns a connection to one database of a node of the view, for keys in bulk: the commands for slots do not wait for its replies.
    /// </summary>
    /// <remarks>It is the one for all other commands if the node accepts no second one.</remarks>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectForKeysAsync(ClusterNode node, int database, CancellationToken cancellation) =>
        connections.GetForKeysAsync(AddressOf(node), database, cancellation);

    /// <summary>Returns a connection to a node of the view for commands that it may delay.</summary>
    /// <remarks>It is the one for all other commands if the node accepts no second one.</remarks>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectForDelayedAsync(ClusterNode node, CancellationToken cancellation) =>
        connections.GetForDelayedAsync(AddressOf(node), cancellation);

    /// <summary>Returns one of several connections to a node of the view, which wait for replies independently.</summary>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectParallelAsync(ClusterNode node, int number, CancellationToken cancellation) =>
        connections.GetParallelAsync(AddressOf(node), number, cancellation);

    /// <summary>Reads one node's view of the cluster again, without INFO: cheap enough to poll.</summary>
    public async Task<NodeView> ReadNodeAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        return await NodeReader.ReadAgainAsync(node, connection, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads one node's view again, and counts the keys of slots on it right after that.</summary>
    public async Task<(NodeView View, IReadOnlyList<long?> Counts)> ReadAndCountAsync(
        ClusterNode node, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        return await NodeReader.ReadAndCountAsync(node, connection, slots, cancellation).ConfigureAwait(false);
    }

    /// <summary>True if the node has answered this reader before.</summary>
    public bool HasReached(string id) => _dialled.ContainsKey(id);

    /// <summary>Reads the view of a node that another node lists. The time limit is the connect timeout.</summary>
    public async Task<NodeView> ReadListedAsync(NodeLine line, CancellationToken cancellation)
    {
        var connection = await connections.GetAsync(AddressOf(line.Endpoint!.Value, line.Id), cancellation).ConfigureAwait(false);
        return await NodeReader.ReadListedAsync(connection, session.ConnectTimeout, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads all server-side migrations that a node lists, including ended ones. Cheap enough to poll.</summary>
    /// <exception cref="RedisOperationException">The node is unreachable, or the user may not run the command.</exception>
    public async Task<IReadOnlyList<AtomicTask>> ReadTasksAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        return await _nodes.ReadTasksAsync(node, connection, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads a node's view of the cluster and then its server-side migrations.</summary>
    /// <exception cref="RedisOperationException">The node is unreachable, or the user may not run the command.</exception>
    public async Task<(NodeView View, IReadOnlyList<AtomicTask> Tasks)> ReadViewThenTasksAsync(
        ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        var view = await NodeReader.ReadAgainAsync(node, connection, cancellation, session.ConnectTimeout).ConfigureAwait(false);
        return (view, await _nodes.ReadTasksAsync(node, connection, cancellation).ConfigureAwait(false));
    }

    private async Task<NodeView> ReadWithTasksAsync(ClusterNode node, SharedLines shared, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        return await _nodes.ReadWithTasksAsync(node, connection, shared, cancellation).ConfigureAwait(false);
    }

    private async Task<IReadOnlyList<(NodeEndpoint Dialled, NodeView? View, RedisOperationException? Failure)>> ReadAllAsync(
        IEnumerable<NodeEndpoint> endpoints, SharedLines shared, CancellationToken cancellation)
    {
        return await FanOut.AllAsync(endpoints, ReadOneAsync, cancellation).ConfigureAwait(false);

        async Task<(NodeEndpoint, NodeView?, RedisOperationException?)> ReadOneAsync(NodeEndpoint endpoint)
        {
            try
            {
                var connection = await connections.GetAsync(endpoint, cancellation).ConfigureAwait(false);
                return (endpoint, await _nodes.ReadAsync(connection, shared, cancellation).ConfigureAwait(false), null);
            }
            catch (RedisOperationException failure)
            {
                return (endpoint, null, failure);
            }
        }
    }

    private async Task<NodeView> MeasureAsync(CpuSampling sampling, NodeView view, CancellationToken cancellation)
    {
        try
        {
            var connection = await connections.GetAsync(view.Dialled, cancellation).ConfigureAwait(false);
            var percent = await sampling.MeasureAsync(view, connection, Clock, session.ConnectTimeout, cancellation).ConfigureAwait(false);
            return view with { CpuPercent = percent };
        }
        catch (RedisOperationException)
        {
            // The rest of the view has been read; only CPU use remains unknown.
            return view;
        }
    }

    private static List<NodeEndpoint> NextWave(
        Dictionary<string, NodeView> views, HashSet<NodeEndpoint> tried, Func<NodeLine, NodeEndpoint?> addressOf) => Missing(views)
        .Select(addressOf)
        .Where(address => address is { } endpoint && !tried.Contains(endpoint))
        .Select(address => address!.Value)
        .Distinct()
        .ToList();

    // The lines of nodes that have not been read and have an address.
    private static IEnumerable<NodeLine> Missing(Dictionary<string, NodeView> views)
    {
        const NodeFlags NotDialled = NodeFlags.NoAddress | NodeFlags.Handshake | NodeFlags.Myself;
        return views.Values
            .SelectMany(view => view.Lines)
            .Where(line => !views.ContainsKey(line.Id) && (line.Flags & NotDialled) == 0 && line.Endpoint is not null);
    }

    private NodeEndpoint AddressOf(ClusterNode node) =>
        _dialled.TryGetValue(node.Id, out var dialled) ? dialled
        : node.Announced is { } announced ? session.MapAddress(announced)
        : throw new RedisOperationException(
            FailureCode.NodeUnreachable,
            "The address of node " + node.ShortId + " is unknown.",
            node.Name,
            new NextAction(NextActionCode.ShowNodes));

    // The address at which the node was reached before takes precedence over the announced one.
    private NodeEndpoint AddressOf(NodeEndpoint announced, string id) =>
        _dialled.TryGetValue(id, out var dialled) ? dialled : session.MapAddress(announced);

    // The addresses that nodes use among themselves may not be reachable from here, or may not match the certificates. Then the endpoints
    // for clients do.
    private async Task<IReadOnlyDictionary<string, NodeEndpoint>> AskForClientEndpointsAsync(
        Dictionary<string, NodeView> views, CancellationToken cancellation)
    {
        var asked = views.Values.FirstOrDefault(view => view.Facts.Engine != ServerEngine.Garnet);
        if (asked is null || Missing(views).All(line => session.IsMapped(line.Endpoint!.Value)))
            return new Dictionary<string, NodeEndpoint>();
        try
        {
            var connection = await connections.GetAsync(asked.Dialled, cancellation).ConfigureAwait(false);
            var reply = await connection.AskAsync(ClusterShards.Command, cancellation, session.ConnectTimeout).ConfigureAwait(false);
            return ClusterShards.ClientEndpoints(reply, connection.Endpoint, session.UseTls);
        }
        catch (RedisOperationException)
        {
            return new Dictionary<string, NodeEndpoint>();
        }
    }
}
