using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Reads one node: its view of the cluster, its version and settings, and its server-side migrations.</summary>
internal sealed class NodeReader(RedisClusterSession session, IClock clock)
{
    // Each database is asked for the keys of each slot, so an unrealistic number from a server is rejected.
    private const long MaxDatabases = 1000;

    private static readonly RespCommand ClusterNodes = RespCommand.Of("CLUSTER", "NODES");
    private static readonly RespCommand ClusterInfo = RespCommand.Of("CLUSTER", "INFO");
    private static readonly RespCommand Info = RespCommand.Of("INFO");
    private static readonly RespCommand DatabaseSize = RespCommand.Of("DBSIZE");
    private static readonly RespCommand TlsCluster = RespCommand.Of("CONFIG", "GET", "tls-cluster");

    /// <summary>Reads everything.</summary>
    /// <exception cref="RedisOperationException">The node does not answer, is not a cluster node, or sent an invalid reply.</exception>
    public async Task<NodeView> ReadAsync(INodeConnection connection, SharedLines shared, CancellationToken cancellation)
    {
        var endpoint = connection.Endpoint;

        // A frozen node accepts connections, and the reading waits for it. So the limit is the connect timeout, not the command timeout.
        RespCommand[] commands = [ClusterNodes, ClusterInfo, Info, DatabaseSize, TlsCluster];
        var replies = await connection.SendAsync(commands, session.ConnectTimeout, cancellation).ConfigureAwait(false);
        var readAt = clock.Now;
        if (replies[0].IsError && ServerErrors.Contains(replies[0].Text, "unknown command"))
            throw NoClusterNodes(endpoint);

        var lines = ClusterNodesParser.Parse(replies[0].OrThrow(endpoint, ClusterNodes).Text, shared);
        // Valkey answers CLUSTER NODES while it loads its data, but not what counts its keys.
        if (replies[3].IsError && ServerErrors.CodeOf(replies[3].Text) == FailureCode.NodeLoading
            && lines.Any(line => (line.Flags & (NodeFlags.Myself | NodeFlags.Master)) == (NodeFlags.Myself | NodeFlags.Master)))
            replies[3].OrThrow(endpoint, DatabaseSize);
        var facts = replies[2].IsError ? ServerFacts.None : ServerFacts.Parse(replies[2].Text);
        var tlsCluster = MigrateUsesTls(replies[4], facts);

        // Asked only if MIGRATE and our own connections differ: in a cluster of a thousand nodes the reply is long.
        var ports = tlsCluster is { } tls && tls != session.UseTls
            ? ClusterShards.Ports(await connection.AskAsync(ClusterShards.Command, cancellation).ConfigureAwait(false), tls)
            : null;
        var (databases, tasks) = await AskByVersionAsync(connection, facts, cancellation).ConfigureAwait(false);
        var count = Math.Max(1, databases ?? facts.HighestDatabase + 1L);
        if (count > MaxDatabases)
            throw TooManyDatabases(endpoint, count);

        return new NodeView(endpoint, lines)
        {
            ClusterInfo = replies[1].IsError ? new Dictionary<string, string>() : ServerFacts.ParseFields(replies[1].Text),
            Facts = facts,

            // Garnet's INFO has no keyspace section. In cluster mode it has one database.
            KeyCount = facts.Engine == ServerEngine.Garnet && !replies[3].IsError ? replies[3].Integer : facts.KeyCount,
            Databases = (int)count,
            DatabasesKnown = databases is not null,
            AtomicTasks = tasks,
            TlsCluster = tlsCluster,
            MigratePorts = ports,
            ReadAt = readAt,
        };
    }

    /// <summary>Reads the node's view of the cluster again. Version and settings are reused. Cheap enough to poll.</summary>
    /// <param name="node">The node as it was read before.</param>
    /// <param name="connection">A connection to the node.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <param name="limit">The time limit; null for the command timeout.</param>
    public static async Task<NodeView> ReadAgainAsync(
        ClusterNode node, INodeConnection connection, CancellationToken cancellation, TimeSpan? limit = null)
    {
        var reply = await connection.SendAsync(ClusterNodes, cancellation, limit).ConfigureAwait(false);
        return Updated(node, connection.Endpoint, reply, []);
    }

    /// <summary>As <see cref="ReadAgainAsync"/>, and counts the keys of slots on the node right after it, in the same round trip.</summary>
    public static async Task<(NodeView View, IReadOnlyList<long?> Counts)> ReadAndCountAsync(
        ClusterNode node, INodeConnection connection, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        var databases = node.View?.Databases ?? 1;
        var (reply, counts) = await SlotKeyCounter.CountAfterAsync(ClusterNodes, connection, databases, slots, cancellation)
            .ConfigureAwait(false);
        return (Updated(node, connection.Endpoint, reply, []), counts);
    }

    /// <summary>Reads the view of a node whose version and settings do not matter.</summary>
    public static async Task<NodeView> ReadListedAsync(INodeConnection connection, TimeSpan limit, CancellationToken cancellation)
    {
        var reply = await connection.SendAsync(ClusterNodes, cancellation, limit).ConfigureAwait(false);
        return new NodeView(connection.Endpoint, ClusterNodesParser.Parse(reply.Text));
    }

    /// <summary>As <see cref="ReadAgainAsync"/>, including the node's server-side migrations, in one round trip.</summary>
    public async Task<NodeView> ReadWithTasksAsync(
        ClusterNode node, INodeConnection connection, SharedLines shared, CancellationToken cancellation)
    {
        var (command, parse) = TasksOf(node.View!.Facts);
        RespCommand[] commands = command is null ? [ClusterNodes] : [ClusterNodes, command];
        var replies = await connection.SendAsync(commands, session.ConnectTimeout, cancellation).ConfigureAwait(false);
        var nodes = replies[0].OrThrow(connection.Endpoint, ClusterNodes);
        return Updated(node, connection.Endpoint, nodes, command is null || replies[1].IsError ? [] : parse!(replies[1]), shared);
    }

    /// <summary>Reads all server-side migrations that the node lists, including ended ones.</summary>
    public async Task<IReadOnlyList<AtomicTask>> ReadTasksAsync(
        ClusterNode node, INodeConnection connection, CancellationToken cancellation)
    {
        var facts = node.View?.Facts ?? ServerFacts.None;
        if (TasksOf(facts).Command is not { } command)
            return [];
        var reply = await connection.SendAsync(command, cancellation, session.ConnectTimeout).ConfigureAwait(false);
        return facts.Engine == ServerEngine.Valkey ? AtomicTask.AllOfValkey(reply) : AtomicTask.AllOfRedis(reply);
    }

    /// <summary>Whether the node's MIGRATE uses TLS, from CONFIG GET tls-cluster; null if unknown.</summary>
    /// <remarks>
    /// MIGRATE uses TLS if and only if its node has <c>tls-cluster yes</c> (connTypeOfCluster in src/cluster.c). A server built without TLS
    /// does not have the setting.
    /// </remarks>
    internal static bool? MigrateUsesTls(RespValue reply, ServerFacts facts) => reply.IsError ? null
        : reply.Items.Count == 0 ? facts.Engine is ServerEngine.Redis or ServerEngine.Valkey ? false : null
        : reply.Items[reply.Items.Count - 1].Text switch
        {
            "yes" => true,
            "no" => false,
            _ => null,
        };

    // The command that lists server-side migrations; null if the server does not support them.
    private static (RespCommand? Command, Func<RespValue, IReadOnlyList<AtomicTask>>? Parse) TasksOf(ServerFacts facts) =>
        facts.Engine switch
        {
            ServerEngine.Redis when facts.MovesSlotsItself =>
                (RespCommand.Of("CLUSTER", "MIGRATION", "STATUS", "ALL"), AtomicTask.ParseRedis),
            ServerEngine.Valkey when facts.MovesSlotsItself =>
                (RespCommand.Of("CLUSTER", "GETSLOTMIGRATIONS"), AtomicTask.ParseValkey),
            _ => (null, null),
        };

    private static NodeView Updated(
        ClusterNode node, NodeEndpoint dialled, RespValue reply, IReadOnlyList<AtomicTask> tasks, SharedLines? shared = null) =>
        new(dialled, ClusterNodesParser.Parse(reply.Text, shared))
        {
            Databases = node.View?.Databases ?? 1,
            DatabasesKnown = node.View?.DatabasesKnown ?? false,
            Facts = node.View?.Facts ?? ServerFacts.None,
            TlsCluster = node.View?.TlsCluster,
            MigratePorts = node.View?.MigratePorts,
            AtomicTasks = tasks,
        };

    // Commands of some versions are sent only to those, so that they do not appear as errors in the statistics of others.
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
            RespCommand[] commands = [command, RespCommand.Of("CONFIG", "GET", "cluster-databases")];
            var replies = await connection.SendAsync(commands, null, cancellation).ConfigureAwait(false);
            var databases = !replies[1].IsError && replies[1].Items.Count == 2
                && int.TryParse(replies[1].Items[1].Text, NumberStyles.None, CultureInfo.InvariantCulture, out var configured)
                ? configured
                : await ProbeDatabasesAsync(connection, cancellation).ConfigureAwait(false);
            return (databases, replies[0].IsError ? [] : parse!(replies[0]));
        }

        // Without INFO the server may be a Valkey with several databases, and a slot is empty only if it is empty in all of them.
        return (facts.Engine == ServerEngine.Unknown ? await ProbeDatabasesAsync(connection, cancellation).ConfigureAwait(false) : 1, []);
    }

    /// <summary>Finds the number of databases by SELECT. A database that is empty now may contain keys later.</summary>
    /// <returns>Null if the user may not run SELECT.</returns>
    private static async Task<int?> ProbeDatabasesAsync(INodeConnection connection, CancellationToken cancellation)
    {
        // The highest number known to exist, and the lowest number known not to exist.
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

    private static RedisOperationException NoClusterNodes(NodeEndpoint endpoint) => new(
        FailureCode.PermissionDenied,
        endpoint + " does not know CLUSTER NODES. It is not a cluster node, or the service provider has blocked or renamed the command."
            + " The cluster cannot be read without it.",
        endpoint.ToString(),
        new NextAction(NextActionCode.Advice) { Note = "ask the service provider to allow CLUSTER NODES, a command that only reads" });

    private static RedisOperationException TooManyDatabases(NodeEndpoint endpoint, long count) => new(
        FailureCode.ProtocolError,
        endpoint + " reports " + count.ToString(CultureInfo.InvariantCulture) + " databases; the maximum is "
            + MaxDatabases.ToString(CultureInfo.InvariantCulture) + ".",
        endpoint.ToString());
}
