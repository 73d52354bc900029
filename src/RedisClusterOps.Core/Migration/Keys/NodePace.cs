using System;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Measures what a client of a node waits while keys move, by PING on a connection of its own, and adapts the rests to it
/// (<see cref="StallControl"/>).
/// </summary>
/// <remarks>
/// The PING is sent while a batch is in progress, so it waits as the clients do that arrive then. It is a measurement only: nothing waits
/// for the answer, and without the connection the move continues.
/// </remarks>
internal sealed class NodePace(ClusterReader reader, ClusterNode node, TimeSpan limit, OperationLog? log)
{
    private const int ProbeConnection = -2;

    private static readonly RespCommand Ping = RespCommand.Of("PING");

    // A round trip costs this machine as much processor time as dozens of keys.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(5);

    private readonly object _lock = new();
    private readonly StallControl _control = new(limit);
    private TimeSpan? _roundTrip;
    private TimeSpan _due = reader.Clock.Now + Interval;
    private TimeSpan _reportDue;
    private TimeSpan _wait;
    private bool _isProbing;

    /// <summary>How long a batch may take on this node.</summary>
    public TimeSpan Batch => _control.Batch;

    /// <summary>How long the node rests after a batch, as a multiple of the time that the batch took.</summary>
    public double Rest => Locked(() => _control.Rest);

    /// <summary>Why the node rests between batches; null if it does not.</summary>
    public string? SlowReason => Locked(() => _control.Rest > 0 ? Reason() : null);

    /// <summary>Measures one round trip to the node.</summary>
    public async Task<TimeSpan> RoundTripAsync(CancellationToken abort) =>
        await RoundTripAsync(await reader.ConnectAsync(node, abort).ConfigureAwait(false), abort).ConfigureAwait(false);

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
            if (_isProbing || reader.Clock.Now < _due)
                return;
            _isProbing = true;
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
            {
                _isProbing = false;
                _due = reader.Clock.Now + interval;
            }
        }
    }

    private void Observe(TimeSpan elapsed)
    {
        string reason;
        lock (_lock)
        {
            // The shortest one so far is the network's. The rest is a client's wait.
            _roundTrip = _roundTrip < elapsed ? _roundTrip : elapsed;
            if (!_control.Observe(elapsed - _roundTrip.Value))
                return;
            _wait = elapsed - _roundTrip.Value;
            if (reader.Clock.Now < _reportDue)
                return;
            _reportDue = reader.Clock.Now + ReportInterval;
            reason = Reason();
        }

        log?.State(null, "Slower: " + reason + ".");
    }

    private string Reason() => "a PING to " + node.Name + " took " + Text(_wait) + ", longer than the limit of " + Text(limit);

    private T Locked<T>(Func<T> read)
    {
        lock (_lock)
            return read();
    }

    private static string Text(TimeSpan time) => time.TotalMilliseconds.ToString("0.#", CultureInfo.InvariantCulture) + " ms";
}

/// <summary>The pace of the two nodes that keys move between.</summary>
internal sealed class PairPace(NodePace source, NodePace target, IClock clock)
{
    // Shorter pauses take about as long.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(1);

    private TimeSpan _rest;

    /// <summary>The shortest round trip to the source so far; zero before <see cref="MeasureAsync"/>.</summary>
    public TimeSpan RoundTrip { get; private set; }

    /// <summary>How long the servers may be busy with the next batch. Clients wait at least for their own round trip.</summary>
    public TimeSpan Batch => RoundTrip > source.Batch ? RoundTrip : source.Batch;

    /// <summary>Measures the round trip, the first time that it is called.</summary>
    public async Task MeasureAsync(CancellationToken abort)
    {
        if (RoundTrip == TimeSpan.Zero)
            RoundTrip = await source.RoundTripAsync(abort).ConfigureAwait(false);
    }

    /// <summary>Measures on both nodes what a client waits, while a batch is in progress. Does not wait for the answers.</summary>
    public void Probe(CancellationToken abort)
    {
        _ = source.ProbeAsync(abort);
        _ = target.ProbeAsync(abort);
    }

    /// <summary>How long the servers were busy with a batch. The round trips do not count: they block no client.</summary>
    /// <param name="elapsed">How long the batch took.</param>
    /// <param name="roundTrips">How often it waited for a reply.</param>
    public TimeSpan Stall(TimeSpan elapsed, int roundTrips)
    {
        var each = TimeSpan.FromTicks(elapsed.Ticks / roundTrips);
        RoundTrip = each < RoundTrip ? each : RoundTrip;
        return elapsed - TimeSpan.FromTicks(RoundTrip.Ticks * roundTrips);
    }

    /// <summary>The servers were busy with a batch for this time.</summary>
    public void Took(TimeSpan batch) => _rest += TimeSpan.FromTicks((long)(batch.Ticks * Math.Max(source.Rest, target.Rest)));

    /// <summary>Pauses between two batches, if the nodes need it. A stop does not end the pause: it is short.</summary>
    public async Task RestAsync(CancellationToken abort)
    {
        if (_rest < ShortestRest)
            return;
        // A pause is often longer than requested. The next ones are shorter by that.
        var started = clock.Now;
        await clock.PauseAsync(_rest, abort).ConfigureAwait(false);
        _rest -= clock.Now - started;
    }
}
