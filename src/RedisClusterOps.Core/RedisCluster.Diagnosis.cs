using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Journal;

namespace RedisClusterOps;

/// <content>Checks, open slots, alerts and links.</content>
public sealed partial class RedisCluster
{
    private TrafficReader? _traffic;

    /// <summary>
    /// Checks the nodes' views and what INFO reports. Processors are measured only on nodes that seem busy, which takes a
    /// fraction of a second.
    /// </summary>
    public async Task<RedisClusterHealth> TestAsync(HealthOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(CpuSampling.BusyNodes, cancellation).ConfigureAwait(false);
        return await TestAsync(view, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>Gets every slot that is open, disputed or without an owner, ordered by slot.</summary>
    /// <param name="slots">Only these slots, 0 to 16383; null for all.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    public async Task<IReadOnlyList<RedisOpenSlot>> GetOpenSlotsAsync(IReadOnlyCollection<int>? slots, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        return await DescribeOpenSlotsAsync(view, slots, cancellation).ConfigureAwait(false);
    }

    /// <summary>Gets the same open slots with what a state file records: since when they have been open at least, and their rate.</summary>
    /// <param name="slots">Only these slots, 0 to 16383; null for all.</param>
    /// <param name="statePath">The state file. It is only read.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    public async Task<IReadOnlyList<RedisOpenSlot>> GetOpenSlotsAsync(
        IReadOnlyCollection<int>? slots, string statePath, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var open = await DescribeOpenSlotsAsync(view, slots, cancellation).ConfigureAwait(false);
        var earlier = AlertState.ReadOnly(statePath, view, _log).Observations;
        var history = new ObservationHistory(earlier, _reader.Clock.UtcNow);
        return open.Select(history.Annotate).ToList();
    }

    /// <summary>Gets the open slots, and every node with its slots.</summary>
    public async Task<(IReadOnlyList<RedisOpenSlot> Open, IReadOnlyList<RedisClusterNode> Nodes)> ListSlotsAsync(
        CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var open = await DescribeOpenSlotsAsync(view, null, cancellation).ConfigureAwait(false);
        return (open, NodeReport.Nodes(view, _session));
    }

    /// <summary>Gets the active alerts; none if all is well. Reads the cluster and writes only the state file, if there is one.</summary>
    /// <returns>The alerts, and why this check could not be recorded, if so.</returns>
    public async Task<AlertOutcome> GetAlertsAsync(AlertOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var open = await DescribeOpenSlotsAsync(view, null, cancellation, options.JournalPath).ConfigureAwait(false);
        var health = HealthCheck.Check(view, NodeReport.Nodes(view, _session), open, null, new HealthOptions(), _session);
        var now = _reader.Clock.UtcNow;
        var state = AlertState.Read(options.StatePath, view, isWritten: true, _log);
        var earlier = state.Observations.Concat(options.PreviousAlerts.SelectMany(Observation.Of))
            .Concat(options.PreviousOpenSlots.Select(Observation.Of))
            .Concat(options.PreviousTraffic.Select(Observation.Of).OfType<Observation>());
        var calls = await MigrateCalls.ReadAsync(_reader, view, open, cancellation).ConfigureAwait(false);
        var (alerts, observations) = AlertCheck.Check(view, health, earlier, now, options.StuckAfter, options.MaxMovedPerSecond, calls);
        var failure = state.Failure ?? state.Write(view, observations, now);
        if (failure is not null || (options is { StatePath: null, PreviousAlerts.Count: 0, PreviousOpenSlots.Count: 0 }))
            alerts = [.. alerts, .. AlertCheck.OfUnknownAge(open, now)];
        return new AlertOutcome(alerts.Select(alert => alert with { Advice = TextOf(alert.Next) }).ToList(), failure);
    }

    /// <summary>
    /// Measures round trips from this machine to every node, and reads what the nodes report about the links between them.
    /// </summary>
    /// <param name="count">Round trips to each node, 1 or more.</param>
    /// <param name="nodes">
    /// Only links from or to these nodes: an id, the beginning of an id, <c>host:port</c>, or a wildcard pattern; null for all.
    /// </param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">NodeNotFound.</exception>
    public async Task<IReadOnlyList<RedisClusterLink>> MeasureLinksAsync(
        int count, IReadOnlyList<string>? nodes, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var chosen = nodes is null ? view.Nodes : nodes.SelectMany(name => Chosen(view, name)).Distinct().ToList();
        var links = new LinkReader(_reader, _session);
        var toNodes = await links.FromHereAsync(chosen, count, cancellation).ConfigureAwait(false);
        var between = await links.BetweenNodesAsync(view, chosen, cancellation).ConfigureAwait(false);
        return [.. toNodes, .. between];
    }

    /// <summary>
    /// Measures the traffic of the nodes in one interval. The first call reads the cluster; each later one continues where the call before
    /// it ended, with the same nodes.
    /// </summary>
    /// <param name="interval">The time between two readings.</param>
    /// <param name="nodes">Only these nodes, as of <see cref="MeasureLinksAsync"/>; null for all.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">NodeNotFound; PermissionDenied, without the right to run INFO.</exception>
    public async Task<IReadOnlyList<RedisClusterTraffic>> MeasureTrafficAsync(
        TimeSpan interval, IReadOnlyList<string>? nodes, CancellationToken cancellation)
    {
        if (_traffic is null)
        {
            var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
            var chosen = nodes is null ? view.Nodes : nodes.SelectMany(name => Chosen(view, name)).Distinct();
            var ordered = chosen.OrderBy(node => node.Announced).ThenBy(node => node.Id, StringComparer.Ordinal).ToList();
            _traffic = new TrafficReader(_reader, _session, ordered);
        }

        var traffic = await _traffic.NextAsync(interval, cancellation).ConfigureAwait(false);
        return traffic.Select(node => node.Next is null ? node : node with { Trouble = node.Trouble + ". Next: " + TextOf(node.Next) })
            .ToList();
    }

    /// <summary>Gets the load of slots as their owners count it, the highest first.</summary>
    /// <param name="order">The measure to order by. Every slot must have it.</param>
    /// <param name="first">The maximum number of slots; null for all.</param>
    /// <param name="nodes">Only slots of these nodes, as of <see cref="MeasureLinksAsync"/>; null for all.</param>
    /// <param name="slots">Only these slots, 0 to 16383; null for all.</param>
    /// <param name="interval">How long to count CPU time and bytes; null for the totals.</param>
    /// <param name="cancellation">Cancels the operation.</param>
    /// <exception cref="RedisOperationException">NotSupported, PermissionDenied, NodeNotFound, NodeUnreachable.</exception>
    public async Task<IReadOnlyList<RedisSlotLoad>> GetSlotLoadsAsync(
        SlotLoadMeasure order, int? first, IReadOnlyList<string>? nodes, IReadOnlyCollection<int>? slots, TimeSpan? interval,
        CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var chosen = nodes is null ? view.Nodes : nodes.SelectMany(name => Chosen(view, name));
        // A replica stands for its master, which owns the slots.
        var masters = chosen.Select(node => view.ShardMaster(node.Id) ?? node).Distinct()
            .Where(node => view.SlotsOf(node.Id).Count > 0).ToList();
        var (loads, failures) = await new SlotLoads(_reader, _session).ReadAsync(view, masters, order, interval, cancellation)
            .ConfigureAwait(false);
        foreach (var failure in failures)
            _log?.Warning(null, failure.Message + " Its slots are missing here.");
        var wanted = slots is null ? null : new HashSet<int>(slots);
        return loads.Where(load => wanted is null || wanted.Contains(load.Slot))
            .OrderByDescending(load => load.Of(order)).ThenBy(load => load.Slot).Take(first ?? int.MaxValue).ToList();
    }

    private async Task<RedisClusterHealth> TestAsync(
        ClusterView view, HealthOptions options, CancellationToken cancellation, string? journalPath = null)
    {
        var open = await DescribeOpenSlotsAsync(view, null, cancellation, journalPath).ConfigureAwait(false);
        var strays = options.Deep ? await _situations.FindStraysAsync(view, cancellation).ConfigureAwait(false) : null;
        var health = HealthCheck.Check(view, NodeReport.Nodes(view, _session), open, strays, options, _session);
        return health with { Findings = health.Findings.Select(finding => finding with { Advice = TextOf(finding.Next) }).ToList() };
    }

    private async Task<IReadOnlyList<RedisOpenSlot>> DescribeOpenSlotsAsync(
        ClusterView view, IReadOnlyCollection<int>? slots, CancellationToken cancellation, string? journalPath = null)
    {
        var diagnoses = await _situations.DiagnoseAsync(view, slots, cancellation).ConfigureAwait(false);
        var intents = _history.OpenIntents(view.NodeIds, diagnoses.Select(diagnosis => diagnosis.Situation.Slot).ToList(), journalPath);
        var now = _reader.Clock.UtcNow;
        return diagnoses.Select(diagnosis => SlotAdvice.Describe(diagnosis, _session) with { ObservedAt = now })
            .Select(open => intents.TryGetValue(open.Slot, out var intent)
                ? JournalAnnotations.Add(open, intent, RunHistory.IsOpenAs(intent.Slot, view), journalPath)
                : open)
            .Select(open => open with { Advice = TextOf(open.Next) }).ToList();
    }

    private static List<ClusterNode> Chosen(ClusterView view, string name) =>
        [.. NodeNames.FindAll(view.Nodes, node => node.Id, node => node.Name, name)];
}
