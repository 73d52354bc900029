using System;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Decides how long one batch may keep a node busy, and how long the node rests after it, from what a client would have waited so far.
/// Pure arithmetic: it knows neither the node nor the clock.
/// </summary>
/// <remarks>
/// The batch stays the same and only the rest changes: every batch costs the processors of both nodes and of this machine the same again,
/// which clients feel more than the batch itself. A wait above the limit doubles the rest at once, any other wait shortens it a little.
/// </remarks>
internal sealed class StallControl(TimeSpan limit)
{
    // Shorter batches consist mainly of fixed costs. Longer ones move hardly more keys per second.
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(0.5);
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(1.25);

    // A client waits for a whole batch, and for what else the node does.
    private const int ShareOfLimit = 8;

    private const double FirstRest = 0.25;

    // A node is busy for at least half of the time. Otherwise a move would never end on a node that is slow for other reasons.
    private const double MostRest = 1;

    private const double Recovery = 0.95;

    /// <summary>How long a batch may take.</summary>
    public TimeSpan Batch { get; } = TimeSpan.FromTicks(Math.Max(Shortest.Ticks, Math.Min(Longest.Ticks, limit.Ticks / ShareOfLimit)));

    /// <summary>How long the node rests after a batch, as a multiple of the time that the batch took.</summary>
    public double Rest { get; private set; }

    /// <summary>Adapts to a wait that was measured.</summary>
    /// <returns>True if it was longer than the limit.</returns>
    public bool Observe(TimeSpan wait)
    {
        if (wait > limit)
            Rest = Math.Min(MostRest, Math.Max(FirstRest, Rest * 2));
        else
            Rest = Rest < FirstRest / 2 ? 0 : Rest * Recovery;
        return wait > limit;
    }
}
