using System;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// What a pair does at its two nodes, in breaths: a server answers all that it has read of one connection before it turns to the next, so that a breath is
/// how long clients wait. Each is measured, and while clients are there no node takes part in two at once.
/// </summary>
internal sealed class BatchTiming(ClusterReader reader, ClusterNode source, ClusterNode target, MovePace pace, StopRequest stop)
{
    // Nodes that are further away would stand idle while the next breath is on its way.
    private static readonly TimeSpan Near = TimeSpan.FromMilliseconds(1);

    private TimeSpan? _roundTrip;

    /// <summary>How many keys the next one may have for the clients' sake.</summary>
    public int MostKeys => pace.MostKeys(source, target, _roundTrip ?? TimeSpan.Zero);

    /// <summary>True while clients are there to wait.</summary>
    public bool AreGentle => pace.IsGentle(source, target);

    /// <summary>True where the way to the nodes is short, so that breath after breath can be small.</summary>
    public bool AreNear => !(_roundTrip > Near);

    /// <param name="roundTrips">How often the work waits for an answer.</param>
    /// <param name="work">All that is sent in this breath.</param>
    /// <returns>What it took of the servers' time; what the network takes is no stall.</returns>
    public async Task<TimeSpan> TakeAsync(int roundTrips, Func<Task> work)
    {
        var network = _roundTrip ??= await RoundTripAsync().ConfigureAwait(false);
        // Not a wait that a stop ends: what has begun is done step by step, and told.
        if (pace.RestOf(source, target) is { Ticks: > 0 } rest)
            await stop.Clock.PauseAsync(rest, stop.Abort).ConfigureAwait(false);
        var turn = AreGentle && AreNear ? (source.Id, target.Id) : ((string, string)?)null;
        if (turn is { } entered)
            await pace.Batches.EnterAsync(entered, stop.Abort).ConfigureAwait(false);
        try
        {
            var started = stop.Clock.Now;
            await work().ConfigureAwait(false);
            return stop.Clock.Now - started - TimeSpan.FromTicks(network.Ticks * roundTrips);
        }
        finally
        {
            if (turn is { } left)
                pace.Batches.Leave(left);
        }
    }

    private async Task<TimeSpan> RoundTripAsync() =>
        await (await reader.ConnectAsync(source, stop.Abort).ConfigureAwait(false)).LeastRoundTripAsync(stop.Clock, stop.Abort).ConfigureAwait(false);
}
