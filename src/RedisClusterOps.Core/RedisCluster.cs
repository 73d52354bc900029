using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps;

/// <summary>A cluster for one invocation. Opens connections as needed and closes them when disposed.</summary>
/// <remarks>
/// Every method may throw a <see cref="RedisOperationException"/>: about the cluster if no node can be read, about a node if a node that
/// the method needs can't be read.
/// </remarks>
public sealed partial class RedisCluster : IDisposable
{
    private readonly RedisClusterSession _session;
    private readonly OperationLog? _log;
    private readonly ClusterConnections _connections;
    private readonly ClusterReader _reader;
    private readonly SituationReader _situations;
    private readonly PreflightReader _preflight;
    private readonly RunHistory _history = new();
    private readonly CurrentRun _run;
    private readonly SlotPlanner _slots;
    private readonly BulkMoveCheck _moves;

    /// <summary>The view of the last listing of keys. Describing those keys in parts needs no new one.</summary>
    private ClusterView? _keysView;

    /// <summary>Creates the object without opening a connection.</summary>
    /// <param name="session">The cluster and how to log in.</param>
    /// <param name="log">Receives the events of operations; null to discard them.</param>
    public RedisCluster(RedisClusterSession session, OperationLog? log = null)
        : this(session, new NodeConnector(session.Options, Trace(log)), log)
    {
    }

    internal RedisCluster(RedisClusterSession session, INodeConnector connector, OperationLog? log)
    {
        _session = session;
        _log = log;
        _connections = new ClusterConnections(connector);
        _reader = new ClusterReader(session, _connections);
        _situations = new SituationReader(_reader);
        _preflight = new PreflightReader(_reader);
        var nodes = new NodeWatch(_reader);
        _run = new CurrentRun(session, _reader, _situations, nodes, _history, log);
        _slots = new SlotPlanner(session, _reader, _situations, _preflight, _history);
        _moves = new BulkMoveCheck(session, _reader, _situations, _preflight, nodes, _history);
    }

    /// <summary>
    /// Renders a next action as a command of the front end. The result becomes the advice of open slots, findings and alerts, and is
    /// named in warnings.
    /// </summary>
    public Func<NextAction, string> NextActionText
    {
        get;
        init
        {
            field = value;
            if (_log is not null)
                _log.NextActionText = value;
        }
    } = next => next.ToString();

    /// <summary>False to write no journal and announce no run, as in a simulation.</summary>
    internal bool KeepsJournal
    {
        init => _history.KeepsJournal = value;
    }

    /// <summary>False to run no preflight checks and announce no run, as in a simulation.</summary>
    internal bool LooksAhead
    {
        init => (_preflight.LooksAhead, _run.IsAnnounced) = (value, value);
    }

    /// <summary>Gets every node with its load. Takes a fraction of a second more than reading the cluster, to measure processors.</summary>
    public async Task<IReadOnlyList<RedisClusterNode>> GetNodesAsync(CancellationToken cancellation) =>
        NodeReport.Nodes(await _reader.ReadAsync(CpuSampling.AllNodes, cancellation).ConfigureAwait(false), _session);

    /// <summary>Gets every node, without measuring processors.</summary>
    public async Task<IReadOnlyList<RedisClusterNode>> ListNodesAsync(CancellationToken cancellation) =>
        NodeReport.Nodes(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false), _session);

    /// <summary>Finds the nodes that a name matches.</summary>
    /// <param name="nodes">The nodes to search.</param>
    /// <param name="name">An id, the beginning of an id, <c>host:port</c>, or a port; each may contain the wildcards <c>*</c> and
    /// <c>?</c>.</param>
    /// <exception cref="RedisOperationException">NodeNotFound.</exception>
    public static IReadOnlyList<RedisClusterNode> FindNodes(IReadOnlyList<RedisClusterNode> nodes, string name) =>
        NodeNames.FindAll(nodes, node => node.Id, node => node.Endpoint, name);

    /// <summary>Gets the cluster as one object.</summary>
    public async Task<RedisClusterInfo> GetInfoAsync(CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return NodeReport.Info(view, view.OpenFlags.Select(flag => flag.Slot).Distinct().Count(), _session);
    }

    /// <summary>Computes the slot of a key, without a cluster.</summary>
    /// <param name="key">The key's name, encoded as UTF-8.</param>
    public static RedisKeySlot LocateKey(string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        var tag = HashSlot.TagOf(bytes) is { } found ? Encoding.UTF8.GetString(found) : null;
        return new RedisKeySlot { Key = key, HashTag = tag, Slot = HashSlot.Of(bytes) };
    }

    /// <summary>Gets the slots of keys, with the present owner of each.</summary>
    public async Task<IReadOnlyList<RedisKeySlot>> LocateKeysAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return keys.Select(LocateKey)
            .Select(key => key with { Owner = view.OwnerOf(key.Slot) is { } id ? view.Node(id)?.Name : null, Cluster = _session })
            .ToList();
    }

    /// <summary>Gets the names of the keys of a slot on one node.</summary>
    /// <param name="slot">0 to 16383.</param>
    /// <param name="node">The node; null for the slot's owner.</param>
    /// <param name="first">The maximum number of names; null for all, which are held in memory together.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    public async Task<IReadOnlyList<RedisSlotKey>> GetSlotKeysAsync(int slot, string? node, int? first, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        _keysView = view;
        var holder = node is null ? OwnerOf(view, slot) : NodeNames.Find(view, node, _session.MapAddress);
        return await new SlotKeyReader(_reader, _session).ListAsync(holder, slot, first, cancellation).ConfigureAwait(false);
    }

    /// <summary>Gets the same keys with type, time to live and memory. Keys that no longer exist are omitted.</summary>
    public async Task<IReadOnlyList<RedisSlotKey>> DescribeKeysAsync(IReadOnlyList<RedisSlotKey> keys, CancellationToken cancellation)
    {
        if (keys.Count == 0)
            return keys;
        var view = _keysView ?? await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var holder = NodeNames.Find(view, keys[0].Node, _session.MapAddress);
        return await new SlotKeyReader(_reader, _session).DescribeAsync(holder, keys, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _client?.Dispose();
        _run.Dispose();
        _connections.Dispose();
    }

    private string TextOf(NextAction? next) => next is null ? string.Empty : NextActionText(next);

    private IReadOnlyList<PlanFinding> WithAdvice(IEnumerable<PlanFinding> findings) =>
        findings.Select(finding => finding.WithAdvice(NextActionText)).ToList();

    private static ClusterNode OwnerOf(ClusterView view, int slot) => view.OwnerOf(slot) is { } id && view.Node(id) is { } owner
        ? owner
        : throw new RedisOperationException(
            FailureCode.SlotNotOwned,
            "Slot " + Number(slot) + " has no owner.",
            Number(slot),
            new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number(slot) });

    private static Action<NodeEndpoint, RespCommand>? Trace(OperationLog? log) =>
        log is { Commands: true } ? (endpoint, command) => log.Command(endpoint + "> " + command) : null;
}
