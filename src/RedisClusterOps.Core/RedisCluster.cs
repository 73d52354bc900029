using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>One invocation's hold on a cluster: opens the connections it needs, and closes them when disposed.</summary>
/// <remarks>Every method may throw a <see cref="RedisOperationException"/>: of the whole cluster where no node can be read, of a node where one that is needed can't.</remarks>
public sealed partial class RedisCluster : IDisposable
{
    private readonly RedisClusterSession _session;
    private readonly OperationLog? _log;
    private readonly ClusterConnections _connections;
    private readonly ClusterReader _reader;
    private readonly SituationReader _situations;
    private readonly PreflightReader _preflight;
    private readonly NodeWatch _nodes;

    /// <summary>The view that keys were last listed from: describing them part by part needs no new one.</summary>
    private ClusterView? _keysView;

    /// <summary>Nothing is opened yet.</summary>
    /// <param name="session">Which cluster, and how to log in.</param>
    /// <param name="log">Where to put what happens; null for nowhere.</param>
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
        _nodes = new NodeWatch(_reader);
    }

    /// <summary>Renders a next action as a command of the front end: what the advice of open slots, findings and alerts says.</summary>
    public Func<NextAction, string> NextActionText { get; init; } = next => next.ToString();

    /// <summary>Every node, with its load. Takes a fraction of a second longer than one look, to measure the processors.</summary>
    public async Task<IReadOnlyList<RedisClusterNode>> GetNodesAsync(CancellationToken cancellation) =>
        NodeReport.Nodes(await _reader.ReadAsync(ProcessorWatch.Everywhere, cancellation).ConfigureAwait(false), _session);

    /// <summary>The nodes among these that a name fits.</summary>
    /// <param name="name">An id, the beginning of one, or <c>host:port</c>; any of them may have the wildcards <c>*</c> and <c>?</c>.</param>
    /// <exception cref="RedisOperationException">NodeNotFound.</exception>
    public static IReadOnlyList<RedisClusterNode> FindNodes(IReadOnlyList<RedisClusterNode> nodes, string name)
    {
        var found = nodes.Where(node => NodeNames.FitsPattern(node.Id, node.Endpoint, name)).ToList();
        return found.Count > 0 ? found : throw NodeNames.NotFound(name, nodes.Select(node => node.Endpoint));
    }

    /// <summary>The cluster in one object.</summary>
    public async Task<RedisClusterInfo> GetInfoAsync(CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return NodeReport.Info(view, view.OpenFlags.Select(flag => flag.Slot).Distinct().Count(), _session);
    }

    /// <summary>A check of everything that the nodes' views and INFO tell. Processors are measured only of nodes that seem busy, which takes a fraction of a second then.</summary>
    public async Task<RedisClusterHealth> TestAsync(HealthOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(ProcessorWatch.WhereBusy, cancellation).ConfigureAwait(false);
        return await TestAsync(view, options, cancellation).ConfigureAwait(false);
    }

    private async Task<RedisClusterHealth> TestAsync(ClusterView view, HealthOptions options, CancellationToken cancellation, string? journalPath = null)
    {
        var open = await DescribeOpenSlotsAsync(view, null, cancellation, journalPath).ConfigureAwait(false);
        var strays = options.Deep ? await _situations.FindStraysAsync(view, cancellation).ConfigureAwait(false) : null;
        return WithAdvice(HealthCheck.Check(view, NodeReport.Nodes(view, _session), open, strays, options, _session));
    }

    /// <summary>Every slot that is open, disputed or without an owner, by slot.</summary>
    /// <param name="slots">Only these, 0 to 16383; null for all.</param>
    public async Task<IReadOnlyList<RedisOpenSlot>> GetOpenSlotsAsync(IReadOnlyCollection<int>? slots, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return await DescribeOpenSlotsAsync(view, slots, cancellation).ConfigureAwait(false);
    }

    /// <summary>Where a key would live, without a cluster.</summary>
    /// <param name="key">The key's name, taken as UTF-8.</param>
    public static RedisKeySlot LocateKey(string key)
    {
        var bytes = Encoding.UTF8.GetBytes(key);
        return new RedisKeySlot { Key = key, HashTag = HashSlot.TagOf(bytes) is { } tag ? Encoding.UTF8.GetString(tag) : null, Slot = HashSlot.Of(bytes) };
    }

    /// <summary>Where keys live, with the present owner of each slot.</summary>
    public async Task<IReadOnlyList<RedisKeySlot>> LocateKeysAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return keys.Select(LocateKey)
            .Select(located => located with { Owner = view.OwnerOf(located.Slot) is { } id ? view.Node(id)?.Name : null, Cluster = _session })
            .ToList();
    }

    /// <summary>Names of the keys of a slot on one node.</summary>
    /// <param name="node">Which node; null for the slot's owner.</param>
    /// <param name="first">Most names; null for all of them, which are held in memory together.</param>
    public async Task<IReadOnlyList<RedisSlotKey>> GetSlotKeysAsync(int slot, string? node, int? first, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        _keysView = view;
        var holder = node is null ? OwnerOf(view, slot) : NodeNames.Find(view, node, _session.Reach);
        return await new SlotKeyReader(_reader, _session).ListAsync(holder, slot, first, cancellation).ConfigureAwait(false);
    }

    /// <summary>The same keys with type, time to live and memory. Keys that are gone meanwhile are left out.</summary>
    public async Task<IReadOnlyList<RedisSlotKey>> DescribeKeysAsync(IReadOnlyList<RedisSlotKey> keys, CancellationToken cancellation)
    {
        if (keys.Count == 0)
            return keys;
        var view = _keysView ?? await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return await new SlotKeyReader(_reader, _session).DescribeAsync(NodeNames.Find(view, keys[0].Node, _session.Reach), keys, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _run?.Dispose();
        _connections.Dispose();
    }

    private async Task<IReadOnlyList<RedisOpenSlot>> DescribeOpenSlotsAsync(ClusterView view, IReadOnlyCollection<int>? slots, CancellationToken cancellation, string? journalPath = null)
    {
        var diagnoses = await _situations.DiagnoseAsync(view, slots, cancellation).ConfigureAwait(false);
        var intents = OpenIntents(NodeIds(view), diagnoses.Select(diagnosis => diagnosis.Situation.Slot).ToList(), journalPath);
        var now = _reader.Clock.UtcNow;
        return diagnoses.Select(diagnosis => SlotAdvice.Describe(diagnosis, _session))
            .Select(open => open with { ObservedAt = now, Advice = TextOf(open.Next) })
            .Select(open => intents.TryGetValue(open.Slot, out var intent) ? JournalTold.Of(open, intent) : open).ToList();
    }

    private RedisClusterHealth WithAdvice(RedisClusterHealth health) =>
        health with { Findings = health.Findings.Select(finding => finding with { Advice = TextOf(finding.Next) }).ToList() };

    private string TextOf(NextAction? next) => next is null ? string.Empty : NextActionText(next);

    private static ClusterNode OwnerOf(ClusterView view, int slot) => view.OwnerOf(slot) is { } id && view.Node(id) is { } owner
        ? owner
        : throw new RedisOperationException(FailureCode.SlotNotOwned, "Nobody owns slot " + Number(slot) + ".", Number(slot), new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number(slot) });

    private static string Number(int slot) => slot.ToString(CultureInfo.InvariantCulture);

    private static Action<NodeEndpoint, RespCommand>? Trace(OperationLog? log) =>
        log is { Commands: true } ? (endpoint, command) => log.Command(endpoint + "> " + command) : null;
}
