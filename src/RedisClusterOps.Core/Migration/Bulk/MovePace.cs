using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Limits the speed of a bulk move: to the rate that was set, by what clients of its nodes wait (<see cref="NodePace"/>), and while a node
/// has no memory left or its replicas fall behind. Reports why the move waits or is slow.
/// </summary>
/// <remarks>One for a whole run. Its pairs call it from several threads. The stop request of each caller ends its wait.</remarks>
internal sealed class MovePace(ClusterReader reader, NodeWatch nodes, MoveOptions options, OperationLog? log)
{
    // Above this a target with eviction would soon delete keys, and a target without eviction would refuse them.
    private const double FullAt = 0.95;

    // A replica that is further behind would lose that much if its master died now.
    private const long MostBehind = 64L << 20;

    // The first checks follow each other quickly: it takes two to know whether clients use the nodes.
    private static readonly TimeSpan FirstInterval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan CheckInterval = TimeSpan.FromMilliseconds(500);

    // A check delays the keys by a round trip. The interval keeps checks below a tenth of the time.
    private const int RoundTrips = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly object _lock = new();
    private readonly Dictionary<string, (TimeSpan Due, TimeSpan Interval)> _checks = new(StringComparer.Ordinal);
    private readonly TimeSpan _started = reader.Clock.Now;
    private readonly Dictionary<string, int> _waits = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, NodePace> _paces = new(StringComparer.Ordinal);
    private long _keys;
    private bool _ignoresReplicas;
    private string? _waitsFor;

    /// <summary>What the move waits for, or why it is slower than usual; null if neither is the case.</summary>
    public string? Status => _waitsFor is { } waits ? "waiting: " + waits
        : _paces.Values.Select(pace => pace.SlowReason).FirstOrDefault(reason => reason is not null) is { } slow ? "slower: " + slow
        : null;

    /// <summary>The batches in progress.</summary>
    public Exclusion<(string SourceId, string TargetId)> Batches { get; } = Exclusion.OfBatchesThatShareANode();

    /// <summary>The targets that raise their epoch now, because they take over slots.</summary>
    public Exclusion<string> EpochRaises { get; } = Exclusion.OfTargetsThatRaiseEpochs();

    /// <summary>
    /// True while clients use one of the two nodes, or if that is unknown. False for Garnet, where a busy connection does not delay others.
    /// </summary>
    public bool HasClients(ClusterNode source, ClusterNode target) =>
        source.View?.Facts.Engine != ServerEngine.Garnet && (nodes.IsUsed(source.Id) || nodes.IsUsed(target.Id));

    /// <summary>The pace of a node, which all pairs of the run share.</summary>
    public NodePace Of(ClusterNode node) => _paces.GetOrAdd(node.Id, _ => new NodePace(reader, node, options.MaxStall, log));

    /// <summary>Reads the load of both nodes if that is due, and waits while they have no room.</summary>
    /// <exception cref="RedisOperationException">
    /// TargetOutOfMemory: the target stayed full for ten minutes, or evicts keys.
    /// </exception>
    public async Task CheckLoadAsync(ClusterNode source, ClusterNode target, StopRequest stop)
    {
        if (IsDue(source.Id + target.Id, await Of(source).RoundTripAsync(stop.Abort).ConfigureAwait(false)))
            await WaitForRoomAsync(source, target, stop).ConfigureAwait(false);
    }

    /// <summary>Completes when the next keys may move.</summary>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">
    /// TargetOutOfMemory: the target stayed full for ten minutes. Replicas that stay behind only delay the move, for ten minutes at most.
    /// </exception>
    public async Task WaitAsync(ClusterNode source, ClusterNode target, StopRequest stop)
    {
        await CheckLoadAsync(source, target, stop).ConfigureAwait(false);
        if (options.MaxKeysPerSecond <= 0)
            return;
        TimeSpan due;
        lock (_lock)
            due = TimeSpan.FromSeconds((double)_keys / options.MaxKeysPerSecond) - (reader.Clock.Now - _started);
        if (due > TimeSpan.Zero)
            await stop.PauseAsync(due).ConfigureAwait(false);
    }

    public void Moved(int keys)
    {
        lock (_lock)
            _keys += keys;
    }

    /// <summary>Waits while a node has no room for keys, or its replicas are too far behind.</summary>
    /// <returns>False if there is no such reason to wait.</returns>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">TargetOutOfMemory: the target stayed full for ten minutes.</exception>
    public async Task<bool> WaitForRoomAsync(ClusterNode source, ClusterNode target, StopRequest stop)
    {
        string? waitedFor = null;
        try
        {
            var (started, wasFull) = (reader.Clock.Now, false);
            while (await TroubleAsync(source, target, stop.Abort).ConfigureAwait(false) is { } trouble)
            {
                Begin(trouble.Node, trouble.Text, ref waitedFor);
                // A target that becomes full while its replicas are behind gets the whole time.
                started = trouble.IsFull && !wasFull ? reader.Clock.Now : started;
                wasFull |= trouble.IsFull;
                if (reader.Clock.Now - started > Patience)
                {
                    GiveUp(trouble.Text, trouble.IsFull, target);
                    break;
                }

                await stop.PauseAsync(CheckInterval).ConfigureAwait(false);
            }

            return waitedFor is not null;
        }
        finally
        {
            End(waitedFor);
        }
    }

    // Several pairs may wait for one node: the log gets one message when the wait begins, and one when it ends.
    private void Begin(ClusterNode node, string text, ref string? waitedFor)
    {
        var isNew = false;
        lock (_lock)
        {
            if (waitedFor is null)
            {
                waitedFor = node.Name;
                _waits.TryGetValue(waitedFor, out var others);
                _waits[waitedFor] = others + 1;
                isNew = others == 0;
            }

            _waitsFor = text;
        }

        if (isNew)
            log?.Warning(null, "Waiting: " + text + ".");
    }

    private void End(string? waitedFor)
    {
        if (waitedFor is null)
            return;
        lock (_lock)
        {
            _waits[waitedFor]--;
            if (_waits[waitedFor] > 0)
                return;
            if (_waits.Values.All(count => count == 0))
                _waitsFor = null;
        }

        log?.State(null, "Resuming: " + waitedFor + " is ready.");
    }

    // A full target would only refuse the keys. A replica that does not catch up is worth a warning, but no reason to leave slots open.
    private void GiveUp(string trouble, bool isFull, ClusterNode target)
    {
        var waited = "Timed out after " + Patience.TotalMinutes.ToString("0", CultureInfo.InvariantCulture) + " minutes: " + trouble + ".";
        if (isFull)
        {
            var next = new NextAction(NextActionCode.ShowNodes) { Node = target.Name };
            throw new RedisOperationException(FailureCode.TargetOutOfMemory, waited + " No key is lost.", target.Name, next);
        }

        log?.Warning(null, waited + " Continuing anyway.");
        lock (_lock)
            _ignoresReplicas = true;
    }

    private bool IsDue(string pair, TimeSpan roundTrip)
    {
        var shortest = TimeSpan.FromTicks(roundTrip.Ticks * RoundTrips);
        lock (_lock)
        {
            var interval = FirstInterval;
            if (_checks.TryGetValue(pair, out var next))
            {
                if (reader.Clock.Now < next.Due)
                    return false;
                interval = TimeSpan.FromTicks(Math.Min(CheckInterval.Ticks, 2 * next.Interval.Ticks));
            }

            _checks[pair] = (reader.Clock.Now + (interval > shortest ? interval : shortest), interval);
            return true;
        }
    }

    // A user without the right to run INFO is not slowed down.
    private async Task<(ClusterNode Node, string Text, bool IsFull)?> TroubleAsync(
        ClusterNode source, ClusterNode target, CancellationToken abort)
    {
        var samples = await Task.WhenAll(nodes.SampleAsync(source, abort), nodes.SampleAsync(target, abort)).ConfigureAwait(false);
        var (from, to) = (samples[0], samples[1]);
        RequireNoEviction(target, to);
        if (to.Number("maxmemory") is { } most and > 0 && to.Number("used_memory") is { } used
            && used - (to.Number("mem_not_counted_for_evict") ?? 0) > most * FullAt)
            return (target, target.Name + " has used " + Percent(used, most) + " of its maxmemory", true);
        return !_ignoresReplicas && (Behind(source, from) ?? Behind(target, to)) is { } behind ? behind : null;
    }

    // More keys would only push out those that have arrived.
    private static void RequireNoEviction(ClusterNode target, ServerFacts now)
    {
        var evicted = NodeCounters.Since(target.View?.Facts.Number("evicted_keys"), now.Number("evicted_keys"));
        if (evicted == 0)
            return;
        throw new RedisOperationException(
            FailureCode.TargetOutOfMemory,
            target.Name + " has evicted " + evicted.ToString(CultureInfo.InvariantCulture) + (evicted == 1 ? " key" : " keys")
                + " since the run began, to stay below its maxmemory. No more keys are moved to it.",
            target.Name,
            new NextAction(NextActionCode.Resume)
            {
                Note = "after CONFIG SET maxmemory-policy noeviction and CONFIG SET maxmemory <bytes> on " + target.Name,
            });
    }

    private static (ClusterNode Node, string Text, bool IsFull)? Behind(ClusterNode node, ServerFacts facts) =>
        facts.Number("master_repl_offset") is { } offset && facts.ReplicaOffsets is { Count: > 0 } replicas
            && offset - replicas.Min() is var behind && behind > MostBehind
            ? (node, "a replica of " + node.Name + " is " + (behind >> 20).ToString(CultureInfo.InvariantCulture) + " MB behind", false)
            : null;

    private static string Percent(long part, long whole) => (100.0 * part / whole).ToString("0", CultureInfo.InvariantCulture) + " %";
}
