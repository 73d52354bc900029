using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Runs and measures the batches of a pair. A server answers everything that it has read from one connection before it serves the next, so
/// clients wait for a whole batch. While clients use the nodes, no node takes part in two batches at once.
/// </summary>
internal sealed class BatchTiming(MoveContext context, ClusterNode source, ClusterNode target, StopRequest stop)
{
    // Nodes that are further away would be idle while the next batch is on its way.
    private static readonly TimeSpan Near = TimeSpan.FromMilliseconds(1);

    private readonly MovePace _pace = context.Pace;
    private TimeSpan? _roundTrip;

    /// <summary>The most keys of the next batch, for the sake of clients.</summary>
    public int MostKeys => _pace.MostKeys(source, target, _roundTrip ?? TimeSpan.Zero);

    /// <summary>True while clients use the nodes.</summary>
    public bool HasClients => _pace.HasClients(source, target);

    /// <summary>True if the round trip is short, so that batches can be small.</summary>
    public bool IsNear => !(_roundTrip > Near);

    /// <param name="roundTrips">How often the batch waits for a reply.</param>
    /// <param name="batch">Sends the batch, and waits for the replies.</param>
    /// <returns>How long the servers were busy. The round trips do not count: they block no client.</returns>
    public async Task<TimeSpan> RunAsync(int roundTrips, Func<Task> batch)
    {
        var network = _roundTrip ??= await RoundTripAsync().ConfigureAwait(false);
        // A stop does not end this pause: a step that has begun is finished.
        if (_pace.PauseOf(source, target) is { Ticks: > 0 } pause)
            await stop.Clock.PauseAsync(pause, stop.Abort).ConfigureAwait(false);
        var exclusive = HasClients && IsNear ? (source.Id, target.Id) : ((string, string)?)null;
        if (exclusive is { } entered)
            await _pace.Batches.EnterAsync(entered, stop.Abort).ConfigureAwait(false);
        try
        {
            var started = stop.Clock.Now;
            await batch().ConfigureAwait(false);
            return stop.Clock.Now - started - TimeSpan.FromTicks(network.Ticks * roundTrips);
        }
        finally
        {
            if (exclusive is { } left)
                _pace.Batches.Leave(left);
        }
    }

    private async Task<TimeSpan> RoundTripAsync() =>
        await (await context.Reader.ConnectAsync(source, stop.Abort).ConfigureAwait(false))
            .MinimumRoundTripAsync(stop.Clock, stop.Abort).ConfigureAwait(false);
}
