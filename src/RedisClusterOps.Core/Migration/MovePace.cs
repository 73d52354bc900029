using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>Holds a move of many slots back: by a rate that was asked for, and while a node has no room or its replicas fall behind. Says why whenever it waits.</summary>
/// <remarks>One for a whole run; its pairs may ask from several threads.</remarks>
internal sealed class MovePace(ClusterReader reader, MoveOptions options, OperationLog? log, StopRequest stop)
{
    // Above this a target with eviction would soon delete keys, and one without would refuse them.
    private const double FullAt = 0.95;

    // A replica that is further behind than this loses that much where its master dies now.
    private const long MostBehind = 64L << 20;

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly RespCommand[] Questions = [RespCommand.Of("INFO", "memory"), RespCommand.Of("INFO", "replication")];

    private readonly object _turn = new();
    private readonly Dictionary<string, TimeSpan> _looked = new(StringComparer.Ordinal);
    private readonly TimeSpan _started = stop.Clock.Now;
    private readonly Dictionary<string, int> _waits = new(StringComparer.Ordinal);
    private long _keys;
    private bool _ignoresReplicas;

    /// <summary>What is being waited for now; null for nothing.</summary>
    public string? WaitsFor { get; private set; }

    /// <summary>Comes back when the next keys may go.</summary>
    /// <exception cref="RedisOperationException">TargetOutOfMemory: it stayed full for ten minutes. One whose replicas stay behind is not waited for any longer than that.</exception>
    public async Task WaitAsync(ClusterNode source, ClusterNode target)
    {
        if (IsDue(source.Id + target.Id))
            await WaitForRoomAsync(source, target).ConfigureAwait(false);
        if (options.MaxKeysPerSecond <= 0)
            return;
        TimeSpan due;
        lock (_turn)
            due = TimeSpan.FromSeconds((double)_keys / options.MaxKeysPerSecond) - (stop.Clock.Now - _started);
        if (due > TimeSpan.Zero)
            await stop.PauseAsync(due).ConfigureAwait(false);
    }

    public void Moved(int keys)
    {
        lock (_turn)
            _keys += keys;
    }

    /// <summary>For keys that were refused: waits as long as there is no room for them.</summary>
    /// <returns>False where nobody sees why, so that waiting helps nothing.</returns>
    /// <exception cref="RedisOperationException">TargetOutOfMemory: it stayed full for ten minutes.</exception>
    public async Task<bool> WaitForRoomAsync(ClusterNode source, ClusterNode target)
    {
        string? waitedFor = null;
        try
        {
            for (var started = stop.Clock.Now; await TroubleAsync(source, target).ConfigureAwait(false) is { } trouble;)
            {
                Begin(trouble.Node, trouble.Text, ref waitedFor);
                if (stop.Clock.Now - started > Patience)
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

    // A full target would only refuse the keys. A replica that does not catch up is worth a word, and no reason to leave slots open for ever.
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
            if (_looked.TryGetValue(pair, out var last) && stop.Clock.Now - last < LookInterval)
                return false;
            _looked[pair] = stop.Clock.Now;
            return true;
        }
    }

    private async Task<(ClusterNode Node, string Text, bool IsFull)?> TroubleAsync(ClusterNode source, ClusterNode target)
    {
        var (from, to) = (await AskAsync(source).ConfigureAwait(false), await AskAsync(target).ConfigureAwait(false));
        if (to.Number("maxmemory") is { } most and > 0 && to.Number("used_memory") is { } used && used - (to.Number("mem_not_counted_for_evict") ?? 0) > most * FullAt)
            return (target, target.Name + " has used " + Percent(used, most) + " of its maxmemory", true);
        return !_ignoresReplicas && (Behind(source, from) ?? Behind(target, to)) is { } behind ? behind : null;
    }

    private static (ClusterNode Node, string Text, bool IsFull)? Behind(ClusterNode node, ServerFacts facts) =>
        facts.Number("master_repl_offset") is { } offset && facts.ReplicaOffsets is { Count: > 0 } replicas && offset - replicas.Min() is var behind && behind > MostBehind
            ? (node, "a replica of " + node.Name + " is " + (behind >> 20).ToString(CultureInfo.InvariantCulture) + " MB behind", false)
            : null;

    // A user who may not ask is not held back.
    private async Task<ServerFacts> AskAsync(ClusterNode node)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(Questions, null, stop.Abort).ConfigureAwait(false);
        return ServerFacts.Parse(string.Join("\n", replies.Where(reply => !reply.IsError).Select(reply => reply.Text)));
    }

    private static string Percent(long part, long whole) => (100.0 * part / whole).ToString("0", CultureInfo.InvariantCulture) + " %";
}
