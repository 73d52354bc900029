using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <content>What has to be looked at now, and how the links between everybody are.</content>
public sealed partial class RedisCluster
{
    /// <summary>The alerts that are active now; none when all is well. Reads the cluster; writes nothing but the file to remember by, where there is one.</summary>
    /// <returns>The alerts, and why this look could not be remembered, if so.</returns>
    public async Task<AlertOutcome> GetAlertsAsync(AlertOptions options, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var open = await DescribeOpenSlotsAsync(view, null, cancellation, options.JournalPath).ConfigureAwait(false);
        var health = HealthCheck.Check(view, NodeReport.Nodes(view, _session), open, null, new HealthOptions(), _session);
        var now = _reader.Clock.UtcNow;
        var memory = Remember(options.StatePath, view, keeps: true);
        var before = memory.Sights.Concat(options.PreviousAlerts.Select(Sight.Of)).Concat(options.PreviousOpenSlots.Select(Sight.Of));
        var (alerts, sights) = AlertWatch.Look(view, health, before, now, options.StuckAfter);
        var unknown = open.Count(slot => slot.LastProgress is null && AlertWatch.CanBeStuck(slot.State));
        if (options.StatePath is null && options.PreviousAlerts.Count == 0 && options.PreviousOpenSlots.Count == 0 && unknown > 0)
            _log?.Warning(null, unknown + (unknown == 1 ? " open slot is" : " open slots are") + " in no journal, so nobody knows for how long. To remember it for the next look: "
                + NextActionText(new NextAction(NextActionCode.WriteAlertState) { Node = "<file>" }));
        return new AlertOutcome(alerts.Select(alert => alert with { Advice = TextOf(alert.Next) }).ToList(), memory.Refusal ?? Keep(options.StatePath, view, sights, now, memory.Damaged));
    }

    /// <summary>The same open slots with what a watcher's file knows of them: since when at least, and how fast they got on.</summary>
    /// <exception cref="RedisOperationException">StateFileUnavailable: it is another cluster's.</exception>
    public async Task<IReadOnlyList<RedisOpenSlot>> GetOpenSlotsAsync(IReadOnlyCollection<int>? slots, string statePath, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var open = await DescribeOpenSlotsAsync(view, slots, cancellation).ConfigureAwait(false);
        var book = new SightBook(Recall(statePath, view), _reader.Clock.UtcNow);
        return open.Select(slot => AlertWatch.Told(slot, book)).ToList();
    }

    /// <summary>Round trips from here to every node, and what the nodes tell of the links between them.</summary>
    /// <param name="count">Round trips to each node, 1 or more.</param>
    /// <param name="nodes">Only links to and between these: id, beginning of an id, <c>host:port</c>, wildcards; null for all.</param>
    /// <exception cref="RedisOperationException">NodeNotFound.</exception>
    public async Task<IReadOnlyList<RedisClusterLink>> MeasureLinksAsync(int count, IReadOnlyList<string>? nodes, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
        var chosen = nodes is null ? view.Nodes : nodes.SelectMany(name => Chosen(view, name)).Distinct().ToList();
        var links = new LinkReader(_reader, _session);
        var toNodes = await links.FromHereAsync(chosen, count, cancellation).ConfigureAwait(false);
        var between = await links.BetweenNodesAsync(view, chosen, cancellation).ConfigureAwait(false);
        return [.. toNodes, .. between];
    }

    private static List<ClusterNode> Chosen(ClusterView view, string name)
    {
        var found = view.Nodes.Where(node => NodeNames.FitsPattern(node.Id, node.Name, name)).ToList();
        return found.Count > 0 ? found : throw NodeNames.NotFound(name, view.Nodes.Select(node => node.Name));
    }

    /// <summary>What a watcher's file knows, to be read only.</summary>
    private IReadOnlyList<Sight> Recall(string? path, ClusterView view)
    {
        var memory = Remember(path, view, keeps: false);
        if (memory.Refusal is not null)
            throw memory.Refusal;
        if (path is not null && !File.Exists(path))
            _log?.Warning(null, (Directory.Exists(path) ? "'" + Printable.Clean(path) + "' is a folder" : "There is no '" + Printable.Clean(path) + "'") + ": no watcher has remembered anything there, and times count from now.");
        return memory.Sights;
    }

    private (IReadOnlyList<Sight> Sights, bool Damaged, RedisOperationException? Refusal) Remember(string? path, ClusterView view, bool keeps)
    {
        if (path is null)
            return ([], false, null);
        try
        {
            var (nodeIds, sights) = WatchFile.Read(path);
            // Somebody's file for another cluster: its memory is not ours to overwrite.
            return nodeIds.Count == 0 || nodeIds.Any(id => view.Node(id) is not null)
                ? (sights, false, null)
                : ([], false, new RedisOperationException(
                    FailureCode.StateFileUnavailable, "'" + Printable.Clean(path) + "' remembers another cluster, and is left as it is" + (keeps ? ": the next look will not know of this one." : "."), path,
                    new NextAction(NextActionCode.WriteAlertState) { Node = "<a file of its own for each cluster>" }));
        }
        catch (FormatException damage)
        {
            _log?.Warning(null, "'" + Printable.Clean(path) + "' is no memory of earlier looks: " + damage.Message + ". " + (keeps ? "It is kept as '" + Printable.Clean(path) + ".damaged', and times count from now." : "Times count from now."));
            return ([], true, null);
        }
    }

    private static RedisOperationException? Keep(string? path, ClusterView view, IReadOnlyList<Sight> sights, DateTime now, bool damaged)
    {
        if (path is null)
            return null;
        try
        {
            WatchFile.Write(path, NodeIds(view), sights, now, damaged ? path + ".damaged" : null);
            return null;
        }
        catch (RedisOperationException unwritten)
        {
            return unwritten;
        }
    }
}
