using System;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The number of keys in the next batch: as many as fit into the time that a batch may take.</summary>
internal sealed class AdaptiveBatch
{
    private const int Start = 16;
    private const int Most = 10_000;

    private readonly bool _fixed;
    private readonly int _most;

    /// <param name="size">A fixed size; 0 to adapt it.</param>
    /// <param name="most">The upper limit.</param>
    public AdaptiveBatch(int size = 0, int most = Most)
    {
        _fixed = size > 0;
        _most = most;
        Size = _fixed ? size : Math.Min(Start, most);
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
    /// <param name="longest">How long it may take.</param>
    public void Adapt(int count, TimeSpan stall, TimeSpan longest)
    {
        if (_fixed)
            return;
        if (stall > longest)
            Size = Math.Max(1, (int)(count * Math.Max(0.1, longest.TotalMilliseconds * 0.7 / stall.TotalMilliseconds)));
        else if (count >= Size && stall.TotalMilliseconds < longest.TotalMilliseconds / 2)
            Size = Math.Min(_most, Size * 2);
    }

    /// <summary>Halves the size after a transfer that broke, also a fixed size.</summary>
    public void Shrink(int keys) => Size = Math.Max(1, keys / 2);
}
