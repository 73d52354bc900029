using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Asks one node what it has to say.</summary>
internal sealed class NodeReader(RedisClusterSession session, IClock clock)
{
    // Each is asked for the keys of each slot, so a number that no cluster has is not taken from a server that only says it.
    private const long MostDatabases = 1000;

    private static readonly RespCommand ClusterNodes = RespCommand.Of("CLUSTER", "NODES");
    private static readonly RespCommand ClusterInfo = RespCommand.Of("CLUSTER", "INFO");
    private static readonly RespCommand Info = RespCommand.Of("INFO");
    private static readonly RespCommand DatabaseSize = RespCommand.Of("DBSIZE");

    /// <summary>Everything: what it says of the cluster, what it is and how it is set.</summary>
    /// <exception cref="RedisOperationException">It does not answer, or is no cluster node, or says what can't be.</exception>
    public async Task<NodeView> ReadAsync(INodeConnection connection, SharedLines shared, CancellationToken cancellation)
    {
        var endpoint = connection.Endpoint;
        // A node that is frozen accepts connections; how long it may keep everybody waiting is the connect timeout, not the longer one of commands.
        var replies = await connection.SendAsync([ClusterNodes, ClusterInfo, Info, DatabaseSize, MigratePorts.AskTlsCluster], session.ConnectTimeout, cancellation).ConfigureAwait(false);
        var readAt = clock.Now;
        if (replies[0].IsError && ServerErrors.Contains(replies[0].Text, "unknown command"))
        {
            throw new RedisOperationException(
                FailureCode.PermissionDenied,
                endpoint + " does not know CLUSTER NODES. It is not a cluster node, or the service provider has blocked or renamed the command."
                    + " The cluster cannot be read without it.",
                endpoint.ToString(),
                new NextAction(NextActionCode.Advice) { Note = "ask the service provider to allow CLUSTER NODES, a command that only reads" });
        }

        var lines = ClusterNodesParser.Parse(replies[0].OrThrow(endpoint, ClusterNodes).Text, shared);
        var facts = replies[2].IsError ? ServerFacts.None : ServerFacts.Parse(replies[2].Text);
        var tlsCluster = MigratePorts.SpeaksTls(replies[4], facts);
        // Only where it speaks otherwise than we do: in a cluster of a thousand nodes the answer is long.
        var ports = tlsCluster is { } tls && tls != session.UseTls
            ? MigratePorts.Parse(await connection.AskAsync(ClusterShards.Ask, cancellation).ConfigureAwait(false), tls)
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

    /// <summary>What it says of the cluster now; what it is and how it is set is as it was. Cheap enough to poll.</summary>
    /// <param name="limit">How long it may take; null for the usual time of a command.</param>
    public static async Task<NodeView> ReadAgainAsync(ClusterNode node, INodeConnection connection, CancellationToken cancellation, TimeSpan? limit = null) =>
        Known(node, connection.Endpoint, await connection.SendAsync(ClusterNodes, cancellation, limit).ConfigureAwait(false), []);

    /// <summary>The same with its own migrations, in one round trip.</summary>
    public async Task<NodeView> ReadWithTasksAsync(ClusterNode node, INodeConnection connection, SharedLines shared, CancellationToken cancellation)
    {
        var (command, parse) = TasksOf(node.View!.Facts);
        RespCommand[] commands = command is null ? [ClusterNodes] : [ClusterNodes, command];
        var replies = await connection.SendAsync(commands, session.ConnectTimeout, cancellation).ConfigureAwait(false);
        return Known(node, connection.Endpoint, replies[0].OrThrow(connection.Endpoint, ClusterNodes), command is null || replies[1].IsError ? [] : parse!(replies[1]), shared);
    }

    /// <summary>Every migration of the servers that it lists, those that have ended included.</summary>
    public async Task<IReadOnlyList<AtomicTask>> ReadTasksAsync(ClusterNode node, INodeConnection connection, CancellationToken cancellation)
    {
        var facts = node.View?.Facts ?? ServerFacts.None;
        if (TasksOf(facts).Command is not { } command)
            return [];
        var reply = await connection.SendAsync(command, cancellation, session.ConnectTimeout).ConfigureAwait(false);
        return facts.Engine == ServerEngine.Valkey ? AtomicTask.AllOfValkey(reply) : AtomicTask.AllOfRedis(reply);
    }

    // How a node tells which slots it moves by itself; null where it can't move any.
    private static (RespCommand? Command, Func<RespValue, IReadOnlyList<AtomicTask>>? Parse) TasksOf(ServerFacts facts) => facts.Engine switch
    {
        ServerEngine.Redis when facts.MovesSlotsItself => (RespCommand.Of("CLUSTER", "MIGRATION", "STATUS", "ALL"), AtomicTask.ParseRedis),
        ServerEngine.Valkey when facts.MovesSlotsItself => (RespCommand.Of("CLUSTER", "GETSLOTMIGRATIONS"), AtomicTask.ParseValkey),
        _ => (null, null),
    };

    private static NodeView Known(ClusterNode node, NodeEndpoint dialled, RespValue reply, IReadOnlyList<AtomicTask> tasks, SharedLines? shared = null) => new(dialled, ClusterNodesParser.Parse(reply.Text, shared))
    {
        Databases = node.View?.Databases ?? 1,
        DatabasesKnown = node.View?.DatabasesKnown ?? false,
        Facts = node.View?.Facts ?? ServerFacts.None,
        TlsCluster = node.View?.TlsCluster,
        MigratePorts = node.View?.MigratePorts,
        AtomicTasks = tasks,
    };

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
}
