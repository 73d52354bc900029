using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The number of keys in the next batch: as many as fit into the time that a batch should take.</summary>
/// <remarks>
/// Other processes and the network may delay a batch, but nothing makes it faster. So a batch shrinks only if the fastest of the last ones
/// was too slow. Otherwise one delay would make the next ones small, and those cost so much more that a busy machine hardly recovers.
/// A few small keys take hardly less time than one, because each batch has fixed costs. So fewer than 16 are sent only if those
/// take longer than a batch may take at all, as large values do.
/// </remarks>
internal sealed class AdaptiveBatch
{
    private const int Few = 16;
    private const int Most = 10_000;

    // Of many batches of one size, the slowest takes about twice as long as the fastest. Smaller ones move as many keys per second.
    private const double Part = 0.5;

    private const int Remembered = 4;

    // Whatever delays it, no batch of small keys takes that many times the limit.
    private const int FarTooLong = 10;

    // The first batches say little about the next ones.
    private const int MostGrowth = 8;

    private readonly bool _fixed;
    private readonly int _few;
    private readonly int _most;
    private readonly Queue<double> _ticksPerKey = [];

    /// <param name="size">A fixed size; 0 to adapt it.</param>
    /// <param name="most">The upper limit.</param>
    public AdaptiveBatch(int size = 0, int most = Most)
    {
        _fixed = size > 0;
        (_few, _most) = (Math.Min(Few, most), most);
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
    /// <param name="count">The keys in it.</param>
    /// <param name="stall">How long it took on the servers.</param>
    /// <param name="aim">How long it should take.</param>
    /// <param name="limit">How long it may take at all.</param>
    public void Adapt(int count, TimeSpan stall, TimeSpan aim, TimeSpan limit)
    {
        if (_fixed)
            return;
        if (stall.Ticks / FarTooLong > limit.Ticks)
            _ticksPerKey.Clear();
        else if (_ticksPerKey.Count == Remembered)
            _ticksPerKey.Dequeue();
        var last = Math.Max(1, (double)stall.Ticks / count);
        _ticksPerKey.Enqueue(last);
        var fastest = _ticksPerKey.Min();
        var fitting = Part * aim.Ticks / fastest;
        if (fitting < _few)
            Size = (int)Math.Min(_few, stall <= limit ? Size * 2 : Math.Max(1, Part * limit.Ticks / fastest));
        else if (fitting < Size)
            Size = (int)fitting;
        else if (count >= Size)
            Size = (int)Math.Max(Size, Math.Min(_most, Math.Min(Part * aim.Ticks / last, (double)Size * MostGrowth)));
    }

    /// <summary>Halves the size after a transfer that broke, also a fixed size.</summary>
    public void Shrink(int keys) => Size = Math.Max(1, keys / 2);
}
