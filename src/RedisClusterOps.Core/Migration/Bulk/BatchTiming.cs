using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Runs and measures the batches of a pair. A server answers everything that it has read from one connection before it serves the next, so
/// clients wait for a whole batch. While clients use the nodes, the rests between batches follow what clients wait, and no node takes
/// part in two batches at once.
/// </summary>
internal sealed class BatchTiming(MoveContext context, ClusterNode source, ClusterNode target, StopRequest stop)
{
    // Nodes that are further away would be idle while the next batch is on its way.
    private static readonly TimeSpan Near = TimeSpan.FromMilliseconds(1);

    private readonly PairPace _pace = new(context.Pace.Of(source), context.Pace.Of(target), stop.Clock);

    /// <summary>True while clients use the nodes.</summary>
    public bool HasClients => context.Pace.HasClients(source, target);

    /// <summary>How long the servers may be busy with the next batch.</summary>
    public TimeSpan Longest => HasClients ? _pace.Batch : Limit;

    /// <summary>How long a batch may take at all, even one of a few large values.</summary>
    // While no client uses the nodes, a batch to a distant node may take as long as its round trip.
    public TimeSpan Limit => HasClients || context.Options.MaxStall > _pace.RoundTrip ? context.Options.MaxStall : _pace.RoundTrip;

    /// <param name="roundTrips">How often the batch waits for a reply.</param>
    /// <param name="batch">Sends the batch, and waits for the replies.</param>
    /// <returns>How long the servers were busy.</returns>
    public async Task<TimeSpan> RunAsync(int roundTrips, Func<Task> batch)
    {
        await _pace.MeasureAsync(stop.Abort).ConfigureAwait(false);
        if (!HasClients)
            return await TimedAsync(roundTrips, batch).ConfigureAwait(false);
        await _pace.RestAsync(stop.Abort).ConfigureAwait(false);
        var batches = context.Pace.Batches;
        var isNear = _pace.RoundTrip <= Near;
        if (isNear)
            await batches.EnterAsync((source.Id, target.Id), stop.Abort).ConfigureAwait(false);
        TimeSpan took;
        try
        {
            var running = TimedAsync(roundTrips, batch);
            _pace.Probe(stop.Abort);
            took = await running.ConfigureAwait(false);
        }
        finally
        {
            if (isNear)
                batches.Leave((source.Id, target.Id));
        }

        _pace.Took(took);
        return took;
    }

    private async Task<TimeSpan> TimedAsync(int roundTrips, Func<Task> batch)
    {
        var started = stop.Clock.Now;
        await batch().ConfigureAwait(false);
        return _pace.Stall(stop.Clock.Now - started, roundTrips);
    }
}
