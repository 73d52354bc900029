using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Limits the speed of a bulk move: to the rate that was set, and while a node has no room or its replicas fall behind. Reports why it
/// waits.
/// </summary>
/// <remarks>One for a whole run; its pairs may ask from several threads. The stop request of each caller ends its wait.</remarks>
internal sealed class MovePace(NodeWatch nodes, MoveOptions options, OperationLog? log, IClock clock)
{
    // Above this a target with eviction would soon delete keys, and one without would refuse them.
    private const double FullAt = 0.95;

    // A replica that is further behind than this loses that much where its master dies now.
    private const long MostBehind = 64L << 20;

    // Aims below the limit: a breath that is in the middle of its range now may be at its end when a node has something else to do.
    private const double Aim = 0.7;

    // While clients are there, what keeps them waiting is to be lost among what they wait for anyway. Fewer keys at a time would gain
    // them nothing: a MIGRATE of one takes half as long as one of that many.
    private const double GentleAim = 0.06;
    private const int FewestKeys = 16;

    // Whoever allows less than that minds clients more than time. However short breaths are, one right after the other leaves little room
    // for anybody else.
    private static readonly TimeSpan RestsBelow = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(1);

    // The first looks one soon after the other: only by two it is known whether clients are there.
    private static readonly TimeSpan FirstInterval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly object _turn = new();
    private readonly Dictionary<string, (TimeSpan Due, TimeSpan Interval)> _looks = new(StringComparer.Ordinal);
    private readonly TimeSpan _started = clock.Now;
    private readonly Dictionary<string, int> _waits = new(StringComparer.Ordinal);
    private long _keys;
    private bool _ignoresReplicas;

    /// <summary>What is being waited for now; null for nothing.</summary>
    public string? WaitsFor { get; private set; }

    /// <summary>Whose breath it is at which node.</summary>
    public Exclusion<(string SourceId, string TargetId)> Batches { get; } = Exclusion.OfBatchesThatShareANode();

    /// <summary>Who is given slots.</summary>
    public Exclusion<string> EpochRaises { get; } = Exclusion.OfTargetsThatRaiseEpochs();

    /// <summary>
    /// True while clients use one of the two, or nobody can tell. Not of Garnet, where a connection that is busy keeps no other one
    /// waiting.
    /// </summary>
    public bool IsGentle(ClusterNode source, ClusterNode target) => source.View?.Facts.Engine != ServerEngine.Garnet && (nodes.IsUsed(source.Id) || nodes.IsUsed(target.Id));

    /// <summary>How long a pair leaves its nodes alone before its next breath.</summary>
    public TimeSpan RestOf(ClusterNode source, ClusterNode target) => options.MaxStall < RestsBelow && IsGentle(source, target) ? Rest : TimeSpan.Zero;

    /// <summary>How long a breath may take at the most.</summary>
    public TimeSpan LongestStall => TimeSpan.FromTicks((long)(options.MaxStall.Ticks * Aim));

    /// <summary>
    /// How many keys may go in one breath for the clients' sake: few while they are there, and any number while they are not.
    /// </summary>
    public int MostKeys(ClusterNode source, ClusterNode target, TimeSpan roundTrip)
    {
        if (!IsGentle(source, target))
            return int.MaxValue;
        // They wait as long as the way to them takes, whatever happens.
        var gentle = Math.Max(options.MaxStall.Ticks * GentleAim, roundTrip.Ticks);
        return nodes.KeyCostOf(source.Id) is { Ticks: > 0 } cost ? Math.Max(FewestKeys, (int)Math.Min(int.MaxValue, gentle / cost.Ticks)) : FewestKeys;
    }

    /// <summary>Reads the load of both nodes if that is due; waits while they have no room.</summary>
    /// <exception cref="RedisOperationException">TargetOutOfMemory: the target stayed full for ten minutes.</exception>
    public async Task LookAsync(ClusterNode source, ClusterNode target, StopRequest stop)
    {
        if (IsDue(source.Id + target.Id))
            await WaitForRoomAsync(source, target, stop).ConfigureAwait(false);
    }

    /// <summary>Completes when the next keys may move.</summary>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">
    /// TargetOutOfMemory: the target stayed full for ten minutes. Replicas that stay behind only delay the move, for ten minutes at most.
    /// </exception>
    public async Task WaitAsync(ClusterNode source, ClusterNode target, StopRequest stop)
    {
        await LookAsync(source, target, stop).ConfigureAwait(false);
        if (options.MaxKeysPerSecond <= 0)
            return;
        TimeSpan due;
        lock (_turn)
            due = TimeSpan.FromSeconds((double)_keys / options.MaxKeysPerSecond) - (clock.Now - _started);
        if (due > TimeSpan.Zero)
            await stop.PauseAsync(due).ConfigureAwait(false);
    }

    public void Moved(ClusterNode source, int keys)
    {
        nodes.Moved(source.Id, keys);
        lock (_turn)
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
            for (var started = clock.Now; await TroubleAsync(source, target, stop.Abort).ConfigureAwait(false) is { } trouble;)
            {
                Begin(trouble.Node, trouble.Text, ref waitedFor);
                if (clock.Now - started > Patience)
                {
                    GiveUp(trouble.Text, trouble.IsFull, target);
                    break;
                }

                await stop.PauseAsync(LookInterval).ConfigureAwait(false);
            }

            return waitedFor is not null;
        }
        finally
        {
            End(waitedFor);
        }
    }

    // Several pairs may wait for one node: it is told once that they wait, and once that it is over.
    private void Begin(ClusterNode node, string text, ref string? waitedFor)
    {
        var isNew = false;
        lock (_turn)
        {
            if (waitedFor is null)
            {
                waitedFor = node.Name;
                _waits.TryGetValue(waitedFor, out var others);
                _waits[waitedFor] = others + 1;
                isNew = others == 0;
            }

            WaitsFor = text;
        }

        if (isNew)
            log?.Warning(null, "Waiting: " + text + ".");
    }

    private void End(string? waitedFor)
    {
        if (waitedFor is null)
            return;
        lock (_turn)
        {
            _waits[waitedFor]--;
            if (_waits[waitedFor] > 0)
                return;
            if (_waits.Values.All(count => count == 0))
                WaitsFor = null;
        }

        log?.State(null, "Going on: " + waitedFor + " is not waited for any more.");
    }

    // A full target would only refuse the keys. A replica that does not catch up is worth a word, and no reason to leave slots open for
    // ever.
    private void GiveUp(string trouble, bool isFull, ClusterNode target)
    {
        var waited = "Waited " + Patience.TotalMinutes.ToString("0", CultureInfo.InvariantCulture) + " minutes in vain: " + trouble + ".";
        if (isFull)
            throw new RedisOperationException(FailureCode.TargetOutOfMemory, waited + " No key is lost.", target.Name, "Get-RedisClusterNode -Node " + target.Name + " | Format-List");
        log?.Warning(null, waited + " Going on all the same.");
        lock (_turn)
            _ignoresReplicas = true;
    }

    private bool IsDue(string pair)
    {
        lock (_turn)
        {
            var interval = FirstInterval;
            if (_looks.TryGetValue(pair, out var next))
            {
                if (clock.Now < next.Due)
                    return false;
                interval = TimeSpan.FromTicks(Math.Min(LookInterval.Ticks, 2 * next.Interval.Ticks));
            }

            _looks[pair] = (clock.Now + interval, interval);
            return true;
        }
    }

    // A user without the right to read INFO is not held back.
    private async Task<(ClusterNode Node, string Text, bool IsFull)?> TroubleAsync(ClusterNode source, ClusterNode target, CancellationToken abort)
    {
        var (from, to) = (await nodes.LookAsync(source, abort).ConfigureAwait(false), await nodes.LookAsync(target, abort).ConfigureAwait(false));
        if (to.Number("maxmemory") is { } most and > 0 && to.Number("used_memory") is { } used && used - (to.Number("mem_not_counted_for_evict") ?? 0) > most * FullAt)
            return (target, target.Name + " has used " + Percent(used, most) + " of its maxmemory", true);
        return !_ignoresReplicas && (Behind(source, from) ?? Behind(target, to)) is { } behind ? behind : null;
    }

    private static (ClusterNode Node, string Text, bool IsFull)? Behind(ClusterNode node, ServerFacts facts) =>
        facts.Number("master_repl_offset") is { } offset && facts.ReplicaOffsets is { Count: > 0 } replicas && offset - replicas.Min() is var behind && behind > MostBehind
            ? (node, "a replica of " + node.Name + " is " + (behind >> 20).ToString(CultureInfo.InvariantCulture) + " MB behind", false)
            : null;

    private static string Percent(long part, long whole) => (100.0 * part / whole).ToString("0", CultureInfo.InvariantCulture) + " %";
}
