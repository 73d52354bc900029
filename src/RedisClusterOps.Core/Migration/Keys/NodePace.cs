using System;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Measures what a client of a node waits while keys move, by PING on a connection of its own, and adapts the batches to it
/// (<see cref="StallControl"/>).
/// </summary>
/// <remarks>
/// The PING is sent while a batch is in progress, so it waits as the clients do that arrive then. It is a measurement only: without the
/// connection the move continues, with batches of the time that the limit allows.
/// </remarks>
internal sealed class NodePace(ClusterReader reader, ClusterNode node, TimeSpan limit, OperationLog? log)
{
    private const int ProbeConnection = -2;

    private static readonly RespCommand Ping = RespCommand.Of("PING");
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(5);

    private readonly object _lock = new();
    private readonly StallControl _control = new(limit);
    private TimeSpan? _roundTrip;
    private TimeSpan _due = reader.Clock.Now + Interval;
    private TimeSpan _reportDue;
    private TimeSpan _wait;
    private bool _isProbing;

    /// <summary>How long the next batch may take on this node.</summary>
    public TimeSpan Batch => Locked(() => _control.Batch);

    /// <summary>Why the move is slower than the limit alone would make it; null if it is not.</summary>
    public string? SlowReason => Locked(() => _control.IsSlowed ? Reason() : null);

    /// <summary>How long the node rests after a batch that took this time.</summary>
    public TimeSpan RestAfter(TimeSpan batch) => Locked(() => _control.RestAfter(batch));

    /// <summary>The round trip to the node, which blocks no client.</summary>
    public async Task<TimeSpan> RoundTripAsync(CancellationToken abort) =>
        await RoundTripAsync(await reader.ConnectAsync(node, abort).ConfigureAwait(false), abort).ConfigureAwait(false);

    private async Task<TimeSpan> RoundTripAsync(INodeConnection connection, CancellationToken abort)
    {
        if (Locked(() => _roundTrip) is { } known)
            return known;
        var measured = await connection.MinimumRoundTripAsync(reader.Clock, abort).ConfigureAwait(false);
        Locked(() => _roundTrip = measured);
        return measured;
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
            var roundTrip = await RoundTripAsync(connection, abort).ConfigureAwait(false);
            var started = reader.Clock.Now;
            await connection.AskAsync(Ping, abort).ConfigureAwait(false);
            Observe(reader.Clock.Now - started - roundTrip);
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

    private void Observe(TimeSpan wait)
    {
        string reason;
        lock (_lock)
        {
            if (!_control.Observe(wait))
                return;
            _wait = wait;
            if (reader.Clock.Now < _reportDue)
                return;
            _reportDue = reader.Clock.Now + ReportInterval;
            reason = Reason();
        }

        log?.State(null, "Slower: " + reason + ".");
    }

    private string Reason() => "a PING to " + node.Name + " took " + Text(_wait) + ", longer than the limit of " + Text(limit);

    private static string Text(TimeSpan time) => time.TotalMilliseconds.ToString("0.#", CultureInfo.InvariantCulture) + " ms";

    private T Locked<T>(Func<T> read)
    {
        lock (_lock)
            return read();
    }
}

/// <summary>The pace of the two nodes that keys move between.</summary>
internal sealed class PairPace(NodePace source, NodePace target, IClock clock)
{
    // Shorter pauses take about as long.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(1);

    // A probe is answered after the batch at the latest, unless its node hangs.
    private static readonly TimeSpan LongestProbe = TimeSpan.FromMilliseconds(5);

    private TimeSpan _rest;

    /// <summary>The round trip to the source; zero before <see cref="MeasureAsync"/>.</summary>
    public TimeSpan RoundTrip { get; private set; }

    /// <summary>How long the servers may be busy with the next batch. Clients wait at least for their own round trip.</summary>
    public TimeSpan Batch => Longer(RoundTrip, source.Batch < target.Batch ? source.Batch : target.Batch);

    /// <summary>Measures the round trip, the first time that it is called.</summary>
    public async Task MeasureAsync(CancellationToken abort) => RoundTrip = await source.RoundTripAsync(abort).ConfigureAwait(false);

    /// <summary>Completes with a batch in progress, and measures on both nodes meanwhile what a client waits.</summary>
    public async Task<T> ProbeAsync<T>(Task<T> batch, CancellationToken abort)
    {
        var probes = Task.WhenAll(source.ProbeAsync(abort), target.ProbeAsync(abort));
        var result = await batch.ConfigureAwait(false);
        // A node that hangs must not keep the batch's result back. Its probe ends by itself, and until then no other one begins.
        if (!probes.IsCompleted)
            await Task.WhenAny(probes, clock.PauseAsync(LongestProbe, abort)).ConfigureAwait(false);
        return result;
    }

    /// <summary>The servers were busy with a batch for this time.</summary>
    public void Took(TimeSpan batch) => _rest += Longer(source.RestAfter(batch), target.RestAfter(batch));

    /// <summary>Pauses between two batches, if the nodes need it. A stop does not end the pause: it is short.</summary>
    public async Task RestAsync(CancellationToken abort)
    {
        if (_rest < ShortestRest)
            return;
        var rest = _rest;
        _rest = TimeSpan.Zero;
        await clock.PauseAsync(rest, abort).ConfigureAwait(false);
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
