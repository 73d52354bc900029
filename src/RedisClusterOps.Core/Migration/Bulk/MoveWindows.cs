using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Divides the slots of a pair into windows. A window is as many slots as are opened in about a quarter of a second, emptied in another and
/// handed over in a third, or in ten round trips if those take longer: each window costs that many, however small it is. So a killed run
/// leaves few slots open, and after a stop there is time to finish them unless the nodes are far away.
/// </summary>
internal sealed class MoveWindows
{
    private const long MostKeys = 20_000;
    private const int FirstKeysPerSecond = 16_000;
    private const int RoundTrips = 10;

    private static readonly TimeSpan ShortestAim = TimeSpan.FromMilliseconds(250);

    private readonly Queue<SlotMove> _waiting;
    private readonly AdaptiveCount _slots;
    private readonly AdaptiveCount _keys;

    /// <param name="slots">In the order in which they are to move.</param>
    /// <param name="keysPerSecond">The pair's share of the allowed rate; null if the rate is not limited.</param>
    /// <param name="roundTrip">A round trip to the nodes.</param>
    public MoveWindows(IEnumerable<SlotMove> slots, double? keysPerSecond, TimeSpan roundTrip)
    {
        _waiting = new Queue<SlotMove>(slots);
        var roundTrips = TimeSpan.FromTicks(roundTrip.Ticks * RoundTrips);
        var aim = roundTrips > ShortestAim ? roundTrips : ShortestAim;
        // For each window the servers write their configuration to the disk, so small windows save no time.
        _slots = new AdaptiveCount(least: 256, first: 512, most: 1024, aim);
        var first = Allowed(keysPerSecond ?? FirstKeysPerSecond, aim);
        _keys = new AdaptiveCount(1, first, keysPerSecond is null ? MostKeys : first, aim);
    }

    /// <summary>True for a server whose gossip takes seconds: then all slots are one window.</summary>
    public bool AreWhole { get; init; }

    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>
    /// Removes and returns the next slots: at least one, even if it has more keys than a window should have. None if no slot is left.
    /// </summary>
    public List<SlotMove> Next()
    {
        var window = new List<SlotMove>();
        var (mostSlots, mostKeys) = AreWhole ? (int.MaxValue, MostKeys) : (_slots.Now, _keys.Now);
        for (var keys = 0L; _waiting.Count > 0 && window.Count < mostSlots; keys += window[window.Count - 1].Keys)
        {
            if (window.Count > 0 && keys + _waiting.Peek().Keys > mostKeys)
                break;
            window.Add(_waiting.Dequeue());
        }

        return window;
    }

    /// <summary>Adapts the size to the time that the keys of a window took.</summary>
    public void Drained(IReadOnlyList<SlotMove> window, TimeSpan took) => _keys.Took(window.Sum(slot => slot.Moved), took);

    /// <summary>Adapts the size to the time that it took to open a window, or to hand it over.</summary>
    public void Passed(IReadOnlyList<SlotMove> window, TimeSpan took) => _slots.Took(window.Count, took);

    private static long Allowed(double rate, TimeSpan aim) => Math.Max(1, Math.Min(MostKeys, (long)(rate * aim.TotalSeconds)));
}

/// <summary>The number of slots or keys that fit into a time, as the last ones took it.</summary>
/// <param name="least">The minimum.</param>
/// <param name="first">The number before anything was measured.</param>
/// <param name="most">The maximum.</param>
/// <param name="longest">The time.</param>
internal sealed class AdaptiveCount(long least, long first, long most, TimeSpan longest)
{
    public int Now { get; private set; } = (int)first;

    public void Took(long count, TimeSpan took)
    {
        if (took > longest)
            Now = (int)Math.Max(least, Math.Min(Now, (long)(count * longest.TotalSeconds / took.TotalSeconds)));
        else if (took.Ticks < longest.Ticks / 2 && count >= Now / 2)
            Now = (int)Math.Min(most, Now * 2L);
    }
}
