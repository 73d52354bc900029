using System;

namespace RedisClusterOps.Migration.Keys;

/// <summary>
/// Decides how long one batch may keep a node busy, and how long the node rests after it, from what a client would have waited so far.
/// Pure arithmetic: it knows neither the node nor the clock.
/// </summary>
/// <remarks>
/// It aims at waits between half of the limit and the limit. A wait above the limit halves the time at once, one below half of it adds a
/// thirty-second, and any other changes nothing. Batches shorter than <see cref="Shortest"/> consist mainly of fixed costs, which clients
/// feel as well, so below that the node rests instead.
/// </remarks>
internal sealed class StallControl
{
    /// <summary>The time of the shortest batch that the control asks for.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromTicks(TimeSpan.TicksPerMillisecond / 5);

    // A batch of this time holds a few hundred small keys. Longer ones move hardly more keys per second, and clients wait longer.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(1.5);

    // The first batch, before anything is measured.
    private const int FirstShare = 8;

    // A node is busy with batches for at least half of the time. Otherwise a move would never end on a node that is slow for other reasons.
    private const double LeastBusy = 0.5;

    private const double BackOff = 0.5;
    private const double Recovery = 1 + (1.0 / 32);

    private readonly long _limit;
    private readonly double _first;
    private double _allowed;

    /// <param name="limit">The longest that a client should wait.</param>
    public StallControl(TimeSpan limit)
    {
        _limit = limit.Ticks;
        _first = Math.Max(Shortest.Ticks, Math.Min(Longest.Ticks, (double)_limit / FirstShare));
        _allowed = _first;
    }

    /// <summary>How long the next batch may take.</summary>
    public TimeSpan Batch => TimeSpan.FromTicks((long)Math.Max(Shortest.Ticks, _allowed));

    /// <summary>True while batches are shorter than the first one, or the node rests.</summary>
    public bool IsSlowed => _allowed < _first;

    /// <summary>How long the node rests after a batch that took this time.</summary>
    public TimeSpan RestAfter(TimeSpan batch) => _allowed < Shortest.Ticks && batch > TimeSpan.Zero
        ? TimeSpan.FromTicks((long)(batch.Ticks * ((Shortest.Ticks / _allowed) - 1)))
        : TimeSpan.Zero;

    /// <summary>Adapts to a wait that was measured.</summary>
    /// <returns>True if it was longer than the limit.</returns>
    public bool Observe(TimeSpan wait)
    {
        if (wait.Ticks > _limit)
            _allowed = Math.Max(Shortest.Ticks * LeastBusy, _allowed * BackOff);
        else if (wait.Ticks <= _limit / 2)
            _allowed = Math.Min(Longest.Ticks, _allowed * Recovery);
        return wait.Ticks > _limit;
    }
}
