using System;
using System.Threading.Tasks;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Runs and measures the batches of a pair of nodes. A server answers everything that it has read from one connection before it serves the
/// next, so clients wait for a whole batch. While clients use the nodes, the rests between batches follow what clients wait, and no node
/// takes part in two batches at once.
/// </summary>
/// <param name="hasClients">True while clients use the nodes. By default, they always do.</param>
/// <param name="batches">The batches in progress of all pairs. By default, there are no other pairs.</param>
internal sealed class BatchTiming(
    NodePace source, NodePace target, StopRequest stop, Func<bool>? hasClients = null,
    Exclusion<(string SourceId, string TargetId)>? batches = null)
{
    // Nodes that are further away would be idle while the next batch is on its way.
    private static readonly TimeSpan Near = TimeSpan.FromMilliseconds(1);

    // A timer's resolution: a shorter pause takes about as long.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(1);

    // The shortest one to the source so far; zero before it was measured.
    private TimeSpan _roundTrip;
    private TimeSpan _rest;

    /// <summary>True while clients use the nodes.</summary>
    public bool HasClients => hasClients is null || hasClients();

    /// <summary>How long the servers may be busy with the next batch. Clients wait at least for their own round trip.</summary>
    public TimeSpan Longest => !HasClients ? Limit : _roundTrip > source.Batch ? _roundTrip : source.Batch;

    /// <summary>How long a batch may take at all, even one of a few large values.</summary>
    // While no client uses the nodes, a batch to a distant node may take as long as its round trip.
    public TimeSpan Limit => HasClients || source.Limit > _roundTrip ? source.Limit : _roundTrip;

    /// <summary>Measures the round trip, unless the pace of the source has it.</summary>
    public async Task MeasureAsync()
    {
        if (_roundTrip == TimeSpan.Zero)
            _roundTrip = await source.RoundTripAsync(stop.Abort).ConfigureAwait(false);
    }

    /// <summary>Runs a batch when the nodes have rested and take part in no other one.</summary>
    /// <param name="roundTrips">How often the batch waits for a reply.</param>
    /// <param name="batch">Sends the batch, and waits for the replies.</param>
    /// <returns>How long the servers were busy.</returns>
    public async Task<TimeSpan> RunAsync(int roundTrips, Func<Task> batch)
    {
        await MeasureAsync().ConfigureAwait(false);
        if (!HasClients)
            return await TimedAsync(roundTrips, batch).ConfigureAwait(false);
        await RestAsync().ConfigureAwait(false);
        var shared = _roundTrip <= Near ? batches : null;
        if (shared is not null)
            await shared.EnterAsync((source.NodeId, target.NodeId), stop.Abort).ConfigureAwait(false);
        try
        {
            var took = await RunNowAsync(roundTrips, batch).ConfigureAwait(false);
            Took(took);
            return took;
        }
        finally
        {
            shared?.Leave((source.NodeId, target.NodeId));
        }
    }

    /// <summary>Runs a batch at once. Measures meanwhile on both nodes what a client waits, but does not wait for the answers.</summary>
    public Task<TimeSpan> RunNowAsync(int roundTrips, Func<Task> batch)
    {
        var running = TimedAsync(roundTrips, batch);
        _ = (source.ProbeAsync(stop.Abort), target.ProbeAsync(stop.Abort));
        return running;
    }

    // The round trips do not count: they block no client.
    private async Task<TimeSpan> TimedAsync(int roundTrips, Func<Task> batch)
    {
        var started = stop.Clock.Now;
        await batch().ConfigureAwait(false);
        var elapsed = stop.Clock.Now - started;
        var each = TimeSpan.FromTicks(elapsed.Ticks / roundTrips);
        _roundTrip = each < _roundTrip ? each : _roundTrip;
        return elapsed - TimeSpan.FromTicks(_roundTrip.Ticks * roundTrips);
    }

    /// <summary>The servers were busy with a batch for this time.</summary>
    public void Took(TimeSpan batch) => _rest += TimeSpan.FromTicks((long)(batch.Ticks * Math.Max(source.Rest, target.Rest)));

    /// <summary>Pauses between two batches, if the nodes need it. A stop does not end the pause: it is short.</summary>
    public async Task RestAsync()
    {
        if (_rest < ShortestRest)
            return;
        // A pause is often longer than requested. The next ones are shorter by that.
        var started = stop.Clock.Now;
        await stop.Clock.PauseAsync(_rest, stop.Abort).ConfigureAwait(false);
        _rest -= stop.Clock.Now - started;
    }
}
