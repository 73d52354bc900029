using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Reads the whole cluster: from the seeds to every node that any node knows, each asked for its own view.</summary>
internal sealed class ClusterReader(RedisClusterSession session, ClusterConnections connections)
{
    private readonly NodeReader _nodes = new(session, connections.Clock);

    /// <summary>Where each node that answered was reached; lets later steps dial by id.</summary>
    private readonly Dictionary<string, NodeEndpoint> _dialled = new(StringComparer.Ordinal);

    /// <summary>The time to wait in.</summary>
    public IClock Clock => connections.Clock;

    // Versions and settings do not change while slot after slot is worked on; after a pause, as for a person's consent, they may have.
    private static readonly TimeSpan FactsLastFor = TimeSpan.FromSeconds(10);

    private (ClusterView View, TimeSpan At)? _last;

    /// <summary>Reads every node once.</summary>
    /// <param name="watch">Which processors to watch, and how long; null to look once and leave CPU use unknown.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="RedisOperationException">No seed gave a view: the message names each one tried and why it failed.</exception>
    public async Task<ClusterView> ReadAsync(ProcessorWatch? watch, CancellationToken cancellation)
    {
        var views = new Dictionary<string, NodeView>(StringComparer.Ordinal);
        var failures = new Dictionary<NodeEndpoint, RedisOperationException>();
        var tried = new HashSet<NodeEndpoint>();
        var shared = new SharedLines();
        var elsewhere = false;
        for (var wave = session.Seeds; wave.Count > 0;)
        {
            tried.UnionWith(wave);
            foreach (var result in await AskAllAsync(wave, shared, cancellation).ConfigureAwait(false))
            {
                if (result.View is { } view)
                    views[view.Id] = view;
                else
                    failures[result.Dialled] = result.Failure!;
            }

            foreach (var (dialled, failure) in SameCluster.Sift(views, session.Seeds))
                failures[dialled] = failure;
            wave = Undiscovered(views, tried, line => Dial(line.Endpoint!.Value, line.Id));
            if (wave.Count > 0 || elsewhere)
                continue;
            elsewhere = true;
            var told = await AskElsewhereAsync(views, cancellation).ConfigureAwait(false);
            wave = Undiscovered(views, tried, line => !tried.Contains(session.Reach(line.Endpoint!.Value)) ? session.Reach(line.Endpoint!.Value)
                : !session.IsMapped(line.Endpoint!.Value) && told.TryGetValue(line.Id, out var endpoint) ? session.Reach(endpoint)
                : null);
        }

        if (views.Count == 0)
            throw NothingReached(failures);
        foreach (var view in views.Values)
            _dialled[view.Id] = view.Dialled;
        // All at once, after every node has been read: each wave of nodes would take a window of its own. These replies are short.
        if (watch is not null)
            views = (await Task.WhenAll(views.Values.Select(view => WatchAsync(watch, view, cancellation))).ConfigureAwait(false)).ToDictionary(view => view.Id, StringComparer.Ordinal);
        var merged = ViewMerge.Of(views.Values, failures, session);
        _last = (merged, Clock.Now);
        return merged;
    }

    /// <summary>Reads every node's roles, slots and flags anew; what a node is and how it is set is taken from the last reading, if that is young.</summary>
    /// <exception cref="RedisOperationException">No seed gave a view.</exception>
    public async Task<ClusterView> ReadAgainAsync(CancellationToken cancellation)
    {
        if (_last is not { } last || Clock.Now - last.At > FactsLastFor || last.View.Nodes.Any(node => !node.IsReachable))
            return await ReadAsync(null, cancellation).ConfigureAwait(false);
        var shared = new SharedLines();
        try
        {
            var views = (await FanOut.AllAsync(last.View.Nodes, node => ReadWithTasksAsync(node, shared, cancellation), cancellation).ConfigureAwait(false)).ToDictionary(view => view.Id, StringComparer.Ordinal);
            // A node has been added or replaced: that takes a whole reading.
            if (views.Values.SelectMany(view => view.Lines).All(line => views.ContainsKey(line.Id)))
                return ViewMerge.Of(views.Values, new Dictionary<NodeEndpoint, RedisOperationException>(), session);
        }
        catch (Exception failure) when (failure is RedisOperationException or ArgumentException)
        {
            // A node that does not answer belongs into the view as such.
        }

        return await ReadAsync(null, cancellation).ConfigureAwait(false);
    }

    private async Task<NodeView> ReadWithTasksAsync(ClusterNode node, SharedLines shared, CancellationToken cancellation) =>
        await _nodes.ReadWithTasksAsync(node, await ConnectAsync(node, cancellation).ConfigureAwait(false), shared, cancellation).ConfigureAwait(false);

    /// <summary>A usable connection to database 0 of a node of the view.</summary>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectAsync(ClusterNode node, CancellationToken cancellation) => ConnectAsync(node, 0, cancellation);

    /// <summary>A usable connection to one database of a node of the view.</summary>
    /// <remarks>What it sends runs in that database, or is refused with the server's error.</remarks>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectAsync(ClusterNode node, int database, CancellationToken cancellation)
    {
        if (_dialled.TryGetValue(node.Id, out var dialled))
            return connections.GetAsync(dialled, database, cancellation);
        if (node.Announced is { } announced)
            return connections.GetAsync(session.Reach(announced), database, cancellation);
        throw new RedisOperationException(
            FailureCode.NodeUnreachable,
            "The address of node " + node.ShortId + " is unknown.",
            node.Name,
            new NextAction(NextActionCode.ShowNodes));
    }

    /// <summary>Asks one node again for its view of the cluster, without INFO: cheap enough to poll.</summary>
    public async Task<NodeView> ReadNodeAsync(ClusterNode node, CancellationToken cancellation) =>
        await NodeReader.ReadAgainAsync(node, await ConnectAsync(node, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);

    /// <summary>Every migration of the servers that a node lists, those that have ended included. Cheap enough to poll.</summary>
    /// <exception cref="RedisOperationException">It can't be asked, or the user may not.</exception>
    public async Task<IReadOnlyList<AtomicTask>> ReadTasksAsync(ClusterNode node, CancellationToken cancellation) =>
        await _nodes.ReadTasksAsync(node, await ConnectAsync(node, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);

    /// <summary>What a node says of the cluster and, at the same moment or later, of its own migrations.</summary>
    /// <exception cref="RedisOperationException">It can't be asked, or the user may not.</exception>
    public async Task<(NodeView View, IReadOnlyList<AtomicTask> Tasks)> ReadEndAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        var view = await NodeReader.ReadAgainAsync(node, connection, cancellation, session.ConnectTimeout).ConfigureAwait(false);
        return (view, await _nodes.ReadTasksAsync(node, connection, cancellation).ConfigureAwait(false));
    }

    private async Task<IReadOnlyList<(NodeEndpoint Dialled, NodeView? View, RedisOperationException? Failure)>> AskAllAsync(
        IEnumerable<NodeEndpoint> endpoints, SharedLines shared, CancellationToken cancellation)
    {
        return await FanOut.AllAsync(endpoints, AskAsync, cancellation).ConfigureAwait(false);

        async Task<(NodeEndpoint, NodeView?, RedisOperationException?)> AskAsync(NodeEndpoint endpoint)
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

    private async Task<NodeView> WatchAsync(ProcessorWatch watch, NodeView view, CancellationToken cancellation)
    {
        try
        {
            var connection = await connections.GetAsync(view.Dialled, cancellation).ConfigureAwait(false);
            return view with { CpuPercent = await watch.LookAsync(view, connection, Clock, session.ConnectTimeout, cancellation).ConfigureAwait(false) };
        }
        catch (RedisOperationException)
        {
            // It has told the rest.
            return view;
        }
    }

    private static List<NodeEndpoint> Undiscovered(Dictionary<string, NodeView> views, HashSet<NodeEndpoint> tried, Func<NodeLine, NodeEndpoint?> whereIs) => Missing(views)
        .Select(whereIs)
        .Where(dial => dial is { } endpoint && !tried.Contains(endpoint))
        .Select(dial => dial!.Value)
        .Distinct()
        .ToList();

    private static IEnumerable<NodeLine> Missing(Dictionary<string, NodeView> views) => views.Values
        .SelectMany(view => view.Lines)
        .Where(line => !views.ContainsKey(line.Id) && (line.Flags & (NodeFlags.NoAddress | NodeFlags.Handshake | NodeFlags.Myself)) == 0 && line.Endpoint is not null);

    // Where it was reached before is where it is, whatever it announces.
    private NodeEndpoint Dial(NodeEndpoint announced, string id) => _dialled.TryGetValue(id, out var dialled) ? dialled : session.Reach(announced);

    // What nodes call each other may mean nothing here, nor fit their certificates; what they tell clients then does.
    private async Task<IReadOnlyDictionary<string, NodeEndpoint>> AskElsewhereAsync(Dictionary<string, NodeView> views, CancellationToken cancellation)
    {
        var asked = views.Values.FirstOrDefault(view => view.Facts.Engine != ServerEngine.Garnet);
        if (asked is null || Missing(views).All(line => session.IsMapped(line.Endpoint!.Value)))
            return new Dictionary<string, NodeEndpoint>();
        try
        {
            var connection = await connections.GetAsync(asked.Dialled, cancellation).ConfigureAwait(false);
            return await ClientEndpoints.AskAsync(connection, session.UseTls, session.ConnectTimeout, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            return new Dictionary<string, NodeEndpoint>();
        }
    }

    private static RedisOperationException NothingReached(Dictionary<NodeEndpoint, RedisOperationException> failures)
    {
        var reasons = string.Join("; ", failures.OrderBy(failure => failure.Key).Select(failure => Reason(failure.Key, failure.Value.Message)));
        // One reason for all gives the failure its name: a wrong password is no network trouble.
        var codes = failures.Values.Select(failure => failure.Code).Distinct().ToList();
        var code = codes.Count == 1 ? codes[0] : FailureCode.ConnectionFailed;
        var nextSteps = failures.Values.Select(failure => failure.Next).Distinct().ToList();
        return new RedisOperationException(
            code,
            "No node of the cluster could be read. " + reasons + ".",
            string.Join(",", failures.Keys.OrderBy(endpoint => endpoint)),
            nextSteps.Count == 1 && nextSteps[0] is { } own && own != RedisConnectionException.UsualNext ? own
                : ServerErrors.NextOf(code) ?? new NextAction(NextActionCode.Connect) { Node = "<host:port of a node that is up>" });
    }

    // Most messages name the endpoint themselves.
    private static string Reason(NodeEndpoint endpoint, string message)
    {
        var trimmed = message.TrimEnd('.');
        return trimmed.IndexOf(endpoint.ToString(), StringComparison.Ordinal) >= 0 ? trimmed : endpoint + ": " + trimmed;
    }
}
