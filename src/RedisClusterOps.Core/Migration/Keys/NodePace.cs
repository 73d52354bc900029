using System;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Measures what a client of a node waits while keys move, by PING on a connection of its own, and decides from it how long the node rests
/// between batches.
/// </summary>
/// <remarks>
/// The PING is sent while a batch is in progress, so it waits as the clients do that arrive then. It is a measurement only: nothing waits
/// for the answer, and without the connection the move continues. The batch stays the same and only the rest changes: every batch costs
/// the processors of both nodes and of this machine the same again, which clients feel more than the batch itself.
/// </remarks>
internal sealed class NodePace(ClusterReader reader, ClusterNode node, TimeSpan limit, OperationLog? log)
{
    private const int ProbeConnection = -2;

    // A client waits for a whole batch, and for what else the node does.
    private const int ShareOfLimit = 8;

    // A node is busy for at least half of the time. Otherwise a move would never end on a node that is slow for other reasons.
    private const double MostRest = 1;
    private const double FirstRest = 0.25;
    private const double Recovery = 0.95;

    // Shorter batches consist mainly of fixed costs. Longer ones move hardly more keys per second.
    // .NET Framework rounds TimeSpan.FromMilliseconds to whole ones.
    private static readonly TimeSpan ShortestBatch = TimeSpan.FromTicks(TimeSpan.TicksPerMillisecond * 3 / 20);
    private static readonly TimeSpan LongestBatch = TimeSpan.FromTicks(TimeSpan.TicksPerMillisecond * 5 / 4);

    // A round trip costs this machine as much processor time as dozens of keys.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(5);
    private static readonly RespCommand Ping = RespCommand.Of("PING");

    private readonly object _lock = new();
    private TimeSpan _due = reader.Clock.Now + Interval;
    private TimeSpan _reportDue;
    private TimeSpan _roundTrip = TimeSpan.MaxValue;
    private double _rest;

    public string NodeId => node.Id;

    /// <summary>How long a client of the node may wait.</summary>
    public TimeSpan Limit => limit;

    /// <summary>How long a batch may take on this node.</summary>
    public TimeSpan Batch { get; } =
        TimeSpan.FromTicks(Math.Max(ShortestBatch.Ticks, Math.Min(LongestBatch.Ticks, limit.Ticks / ShareOfLimit)));

    /// <summary>How long the node rests after a batch, as a multiple of the time that the batch took.</summary>
    public double Rest => Volatile.Read(ref _rest);

    /// <summary>Why the node rests between batches; null if it does not.</summary>
    public string? SlowReason { get; private set; }

    /// <summary>The shortest round trip to the node so far. It is measured the first time.</summary>
    public async Task<TimeSpan> RoundTripAsync(CancellationToken abort)
    {
        var shortest = Shortest(TimeSpan.MaxValue);
        return shortest < TimeSpan.MaxValue ? shortest
            : Shortest(await RoundTripAsync(await reader.ConnectAsync(node, abort).ConfigureAwait(false), abort).ConfigureAwait(false));
    }

    private TimeSpan Shortest(TimeSpan measured)
    {
        lock (_lock)
            return _roundTrip = measured < _roundTrip ? measured : _roundTrip;
    }

    private async Task<TimeSpan> RoundTripAsync(INodeConnection connection, CancellationToken abort)
    {
        var started = reader.Clock.Now;
        await connection.AskAsync(Ping, abort).ConfigureAwait(false);
        return reader.Clock.Now - started;
    }

    /// <summary>Measures the wait of a client, if that is due. Never throws for a node that does not answer.</summary>
    public async Task ProbeAsync(CancellationToken abort)
    {
        lock (_lock)
        {
            if (reader.Clock.Now < _due)
                return;
            // Only one probe runs at a time, so what Observe writes needs no lock.
            _due = TimeSpan.MaxValue;
        }

        var interval = Retry;
        try
        {
            var connection = await reader.ConnectParallelAsync(node, ProbeConnection, abort).ConfigureAwait(false);
            Observe(await RoundTripAsync(connection, abort).ConfigureAwait(false));
            interval = Interval;
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException or ObjectDisposedException)
        {
            // The batch fails in the same way if the node does not answer. If only this connection is refused, the move continues.
        }
        finally
        {
            lock (_lock)
                _due = reader.Clock.Now + interval;
        }
    }

    private void Observe(TimeSpan elapsed)
    {
        // The shortest one so far is the network's. The rest is a client's wait.
        var wait = elapsed - Shortest(elapsed);
        if (wait <= limit)
        {
            Volatile.Write(ref _rest, _rest < FirstRest / 2 ? 0 : _rest * Recovery);
            SlowReason = _rest > 0 ? SlowReason : null;
            return;
        }

        Volatile.Write(ref _rest, Math.Min(MostRest, Math.Max(FirstRest, _rest * 2)));
        SlowReason = "a PING to " + node.Name + " took " + Text(wait) + ", longer than the limit of " + Text(limit);
        if (reader.Clock.Now < _reportDue)
            return;
        _reportDue = reader.Clock.Now + ReportInterval;
        log?.State(null, "Slower: " + SlowReason + ".");
    }

    private static string Text(TimeSpan time) => time.TotalMilliseconds.ToString("0.#", CultureInfo.InvariantCulture) + " ms";
}
