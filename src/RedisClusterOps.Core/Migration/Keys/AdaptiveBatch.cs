using System;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The number of keys or slots in the next batch: as many as fit into the time that a batch may take.</summary>
/// <remarks>
/// A few small keys take hardly less time than one, because each batch has fixed costs, and on a busy machine it waits for a processor. So
/// fewer than <c>few</c> are sent only if those took longer than a batch may take at all, as large values do.
/// </remarks>
internal sealed class AdaptiveBatch
{
    private const int Few = 16;
    private const int Most = 10_000;

    private readonly bool _fixed;
    private readonly int _few;
    private readonly int _most;

    /// <param name="size">A fixed size; 0 to adapt it.</param>
    /// <param name="few">The size of the first batch, and of all others as long as they take less than their limit.</param>
    /// <param name="most">The upper limit.</param>
    public AdaptiveBatch(int size = 0, int few = Few, int most = Most)
    {
        _fixed = size > 0;
        (_few, _most) = (Math.Min(few, most), most);
        Size = _fixed ? size : _few;
    }

    public int Size { get; private set; }

    /// <summary>
    /// The upper limit of a batch. At a limited rate it is a tenth of a second's worth, so that keys do not move in bursts.
    /// </summary>
    public static int LimitOf(MoveOptions options) => options.MaxKeysPerSecond > 0
        ? Math.Max(1, Math.Min(Most, options.MaxKeysPerSecond / 10))
        : Most;

    /// <summary>Adapts the size to a batch that succeeded.</summary>
    /// <param name="count">The keys or slots in it.</param>
    /// <param name="stall">How long it took on the servers.</param>
    /// <param name="aim">How long it should take.</param>
    /// <param name="limit">How long it may take at all.</param>
    public void Adapt(int count, TimeSpan stall, TimeSpan aim, TimeSpan limit)
    {
        if (_fixed)
            return;
        if (stall > limit)
            Size = Math.Max(1, Fitting(count, stall, limit));
        else if (stall > aim)
            Size = Math.Max(Math.Min(_few, Size * 2), Fitting(count, stall, aim));
        else if (count >= Size && stall.Ticks < aim.Ticks / 2)
            Size = Math.Min(_most, Size * 2);
    }

    /// <summary>Halves the size after a transfer that broke, also a fixed size.</summary>
    public void Shrink(int keys) => Size = Math.Max(1, keys / 2);

    private static int Fitting(int count, TimeSpan stall, TimeSpan longest) =>
        (int)(count * Math.Max(0.1, longest.TotalMilliseconds * 0.7 / stall.TotalMilliseconds));
}
