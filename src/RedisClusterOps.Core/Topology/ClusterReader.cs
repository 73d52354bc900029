using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Topology;

/// <summary>Reads the whole cluster: from the seeds to every node that any node knows, each asked for its own view.</summary>
internal sealed class ClusterReader(RedisClusterSession session, ClusterConnections connections)
{
    // A node that hangs keeps its place for the whole connect timeout, and those behind it wait for it. But every reply is held until it is
    // read, and of a cluster of a thousand nodes each is as long as a thousand lines.
    private const int MostAtOnce = 128;

    // Each is asked for the keys of each slot, so a number that no cluster has is not taken from a server that only says it.
    private const long MostDatabases = 1000;

    private static readonly RespCommand ClusterNodes = RespCommand.Of("CLUSTER", "NODES");
    private static readonly RespCommand ClusterInfo = RespCommand.Of("CLUSTER", "INFO");
    private static readonly RespCommand Info = RespCommand.Of("INFO");
    private static readonly RespCommand DatabaseSize = RespCommand.Of("DBSIZE");

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
        // All at once, when everybody has been read: a window for each wave of nodes would be waited for again and again.
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
            var views = (await Task.WhenAll(last.View.Nodes.Select(node => ReadWithTasksAsync(node, shared, cancellation))).ConfigureAwait(false)).ToDictionary(view => view.Id, StringComparer.Ordinal);
            // Another node has come, or one is not who it was: that is for a whole reading.
            if (views.Values.SelectMany(view => view.Lines).All(line => views.ContainsKey(line.Id)))
                return ViewMerge.Of(views.Values, new Dictionary<NodeEndpoint, RedisOperationException>(), session);
        }
        catch (Exception failure) when (failure is RedisOperationException or ArgumentException)
        {
            // A node that does not answer belongs into the view as such.
        }

        return await ReadAsync(null, cancellation).ConfigureAwait(false);
    }

    private async Task<NodeView> ReadWithTasksAsync(ClusterNode node, SharedLines shared, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        var facts = node.View!.Facts;
        var (command, parse) = TasksOf(facts);
        RespCommand[] commands = command is null ? [ClusterNodes] : [ClusterNodes, command];
        var replies = await connection.SendAsync(commands, session.ConnectTimeout, cancellation).ConfigureAwait(false);
        return Known(node, connection.Endpoint, replies[0].OrThrow(connection.Endpoint, ClusterNodes), command is null || replies[1].IsError ? [] : parse!(replies[1]), shared);
    }

    // How a node tells which slots it moves by itself; null where it can't move any.
    private static (RespCommand? Command, Func<RespValue, IReadOnlyList<AtomicTask>>? Parse) TasksOf(ServerFacts facts) => facts.Engine switch
    {
        ServerEngine.Redis when facts.MovesSlotsItself => (RespCommand.Of("CLUSTER", "MIGRATION", "STATUS", "ALL"), AtomicTask.ParseRedis),
        ServerEngine.Valkey when facts.MovesSlotsItself => (RespCommand.Of("CLUSTER", "GETSLOTMIGRATIONS"), AtomicTask.ParseValkey),
        _ => (null, null),
    };

    /// <summary>A usable connection to a node of the view.</summary>
    /// <exception cref="RedisOperationException">NodeUnreachable or ConnectionFailed.</exception>
    public Task<INodeConnection> ConnectAsync(ClusterNode node, CancellationToken cancellation)
    {
        if (_dialled.TryGetValue(node.Id, out var dialled))
            return connections.GetAsync(dialled, cancellation);
        if (node.Announced is { } announced)
            return connections.GetAsync(session.Reach(announced), cancellation);
        throw new RedisOperationException(
            FailureCode.NodeUnreachable, "Node " + node.ShortId + " has no address that anybody knows.", node.Name, "Get-RedisClusterNode");
    }

    /// <summary>Asks one node again for its view of the cluster, without INFO: cheap enough to poll.</summary>
    public async Task<NodeView> ReadNodeAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        var reply = await connection.SendAsync(ClusterNodes, cancellation).ConfigureAwait(false);
        return Known(node, connection.Endpoint, reply, []);
    }

    /// <summary>Every migration of the servers that a node lists, those that have ended included. Cheap enough to poll.</summary>
    /// <exception cref="RedisOperationException">It can't be asked, or the user may not.</exception>
    public async Task<IReadOnlyList<AtomicTask>> ReadTasksAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        return await ReadTasksAsync(node, connection, cancellation).ConfigureAwait(false);
    }

    /// <summary>What a node says of the cluster and, at the same moment or later, of its own migrations.</summary>
    /// <exception cref="RedisOperationException">It can't be asked, or the user may not.</exception>
    public async Task<(NodeView View, IReadOnlyList<AtomicTask> Tasks)> ReadEndAsync(ClusterNode node, CancellationToken cancellation)
    {
        var connection = await ConnectAsync(node, cancellation).ConfigureAwait(false);
        var reply = await connection.SendAsync(ClusterNodes, cancellation, session.ConnectTimeout).ConfigureAwait(false);
        return (Known(node, connection.Endpoint, reply, []), await ReadTasksAsync(node, connection, cancellation).ConfigureAwait(false));
    }

    private async Task<IReadOnlyList<AtomicTask>> ReadTasksAsync(ClusterNode node, INodeConnection connection, CancellationToken cancellation)
    {
        var facts = node.View?.Facts ?? ServerFacts.None;
        if (TasksOf(facts).Command is not { } command)
            return [];
        var reply = await connection.SendAsync(command, cancellation, session.ConnectTimeout).ConfigureAwait(false);
        return facts.Engine == ServerEngine.Valkey ? AtomicTask.AllOfValkey(reply) : AtomicTask.AllOfRedis(reply);
    }

    private static NodeView Known(ClusterNode node, NodeEndpoint dialled, RespValue reply, IReadOnlyList<AtomicTask> tasks, SharedLines? shared = null) => new(dialled, ClusterNodesParser.Parse(reply.Text, shared))
    {
        Databases = node.View?.Databases ?? 1,
        DatabasesKnown = node.View?.DatabasesKnown ?? false,
        Facts = node.View?.Facts ?? ServerFacts.None,
        TlsCluster = node.View?.TlsCluster,
        MigratePorts = node.View?.MigratePorts,
        AtomicTasks = tasks,
    };

    private async Task<IReadOnlyList<(NodeEndpoint Dialled, NodeView? View, RedisOperationException? Failure)>> AskAllAsync(
        IEnumerable<NodeEndpoint> endpoints, SharedLines shared, CancellationToken cancellation)
    {
        using var places = new SemaphoreSlim(MostAtOnce);
        return await Task.WhenAll(endpoints.Select(AskInTurn)).ConfigureAwait(false);

        async Task<(NodeEndpoint, NodeView?, RedisOperationException?)> AskInTurn(NodeEndpoint endpoint)
        {
            await places.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                return (endpoint, await AskAsync(endpoint, shared, cancellation).ConfigureAwait(false), null);
            }
            catch (RedisOperationException failure)
            {
                return (endpoint, null, failure);
            }
            finally
            {
                places.Release();
            }
        }
    }

    private async Task<NodeView> AskAsync(NodeEndpoint endpoint, SharedLines shared, CancellationToken cancellation)
    {
        var connection = await connections.GetAsync(endpoint, cancellation).ConfigureAwait(false);
        // A node that is frozen accepts connections; how long it may keep everybody waiting is the connect timeout, not the longer one of commands.
        var replies = await connection.SendAsync([ClusterNodes, ClusterInfo, Info, DatabaseSize, MigratePorts.AskTlsCluster], session.ConnectTimeout, cancellation).ConfigureAwait(false);
        var readAt = Clock.Now;
        if (replies[0].IsError && ServerErrors.Contains(replies[0].Text, "unknown command"))
        {
            throw new RedisOperationException(
                FailureCode.PermissionDenied,
                endpoint + " does not know CLUSTER NODES, without which nothing can be told of the cluster: it is no cluster node, or whoever runs the service keeps the command to himself.",
                endpoint.ToString(),
                "ask whoever runs the service for CLUSTER NODES, which only reads");
        }

        var lines = ClusterNodesParser.Parse(replies[0].OrThrow(endpoint, ClusterNodes).Text, shared);
        var facts = replies[2].IsError ? ServerFacts.None : ServerFacts.Parse(replies[2].Text);
        var tlsCluster = MigratePorts.SpeaksTls(replies[4], facts);
        // Only where it speaks otherwise than we do: in a cluster of a thousand nodes the answer is long.
        var ports = tlsCluster is { } tls && tls != session.UseTls
            ? MigratePorts.Parse(await connection.AskAsync(MigratePorts.AskShards, cancellation).ConfigureAwait(false), tls)
            : null;
        var (databases, tasks) = await AskByVersionAsync(connection, facts, cancellation).ConfigureAwait(false);
        var count = Math.Max(1, databases ?? facts.HighestDatabase + 1L);
        if (count > MostDatabases)
        {
            throw new RedisOperationException(
                FailureCode.ProtocolError,
                endpoint + " speaks of " + count.ToString(CultureInfo.InvariantCulture) + " databases, and keys are looked for in " + MostDatabases.ToString(CultureInfo.InvariantCulture) + " at the most.",
                endpoint.ToString());
        }

        return new NodeView(endpoint, lines)
        {
            ClusterInfo = replies[1].IsError ? new Dictionary<string, string>() : ServerFacts.ParseFields(replies[1].Text),
            Facts = facts,
            // Garnet's INFO has no keyspace section; it has one database in cluster mode.
            KeyCount = facts.Engine == ServerEngine.Garnet && !replies[3].IsError ? replies[3].Integer : facts.KeyCount,
            Databases = (int)count,
            DatabasesKnown = databases is not null,
            AtomicTasks = tasks,
            TlsCluster = tlsCluster,
            MigratePorts = ports,
            ReadAt = readAt,
        };
    }

    // What only some versions have is asked only of those, so that nobody's log fills with unknown commands.
    private static async Task<(int? Databases, IReadOnlyList<AtomicTask> Tasks)> AskByVersionAsync(
        INodeConnection connection, ServerFacts facts, CancellationToken cancellation)
    {
        var (command, parse) = TasksOf(facts);
        if (facts.Engine == ServerEngine.Redis && command is not null)
        {
            var status = await connection.AskAsync(command, cancellation).ConfigureAwait(false);
            return (1, status.IsError ? [] : parse!(status));
        }

        if (facts.Engine == ServerEngine.Valkey && command is not null)
        {
            var replies = await connection.SendAsync([command, RespCommand.Of("CONFIG", "GET", "cluster-databases")], null, cancellation).ConfigureAwait(false);
            var databases = !replies[1].IsError && replies[1].Items.Count == 2
                && int.TryParse(replies[1].Items[1].Text, NumberStyles.None, CultureInfo.InvariantCulture, out var configured)
                ? configured
                : await ProbeDatabasesAsync(connection, cancellation).ConfigureAwait(false);
            return (databases, replies[0].IsError ? [] : parse!(replies[0]));
        }

        // A user who may not run INFO does not learn that this is a Valkey with databases, and a slot is not empty before all of them are.
        return (facts.Engine == ServerEngine.Unknown ? await ProbeDatabasesAsync(connection, cancellation).ConfigureAwait(false) : 1, []);
    }

    /// <summary>How many databases can be selected: those that hold no key now may hold one when it matters.</summary>
    /// <returns>Null where the user may not even try.</returns>
    private static async Task<int?> ProbeDatabasesAsync(INodeConnection connection, CancellationToken cancellation)
    {
        // The highest number known to exist, and the lowest known not to.
        var (exists, beyond) = (0, int.MaxValue);
        for (var next = 1; beyond - exists > 1; next = beyond == int.MaxValue ? exists * 2 : exists + (beyond - exists) / 2)
        {
            var reply = await connection.AskAsync(RespCommand.Of("SELECT", next), cancellation).ConfigureAwait(false);
            if (reply.IsError && ServerErrors.CodeOf(reply.Text) == FailureCode.PermissionDenied)
                return null;
            if (reply.IsError)
                beyond = next;
            else
                exists = next;
            if (exists > int.MaxValue / 4)
                return null;
        }

        if (exists > 0)
            await connection.SendAsync(RespCommand.Of("SELECT", 0), cancellation).ConfigureAwait(false);
        return exists + 1;
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
        var nextSteps = failures.Values.Select(failure => failure.NextStep).Distinct().ToList();
        return new RedisOperationException(
            code,
            "No node of the cluster could be read. " + reasons + ".",
            string.Join(",", failures.Keys.OrderBy(endpoint => endpoint)),
            nextSteps.Count == 1 && nextSteps[0] is { } own and not RedisConnectionException.UsualNextStep ? own
                : ServerErrors.NextStepOf(code) ?? "Connect-RedisCluster -Endpoint <host:port of a node that is up>");
    }

    // Most messages name the endpoint themselves.
    private static string Reason(NodeEndpoint endpoint, string message)
    {
        var trimmed = message.TrimEnd('.');
        return trimmed.IndexOf(endpoint.ToString(), StringComparison.Ordinal) >= 0 ? trimmed : endpoint + ": " + trimmed;
    }
}
