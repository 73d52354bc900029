using System;

namespace RedisClusterOps.Migration.Keys;

/// <summary>How many go into the next breath: as many as fit into the time that it may take.</summary>
internal sealed class AdaptiveBatch
{
    private const int Start = 16;
    private const int Most = 10_000;

    private readonly bool _fixed;
    private readonly int _most;

    /// <param name="size">A size to stay at; 0 adapts.</param>
    /// <param name="most">Never more.</param>
    public AdaptiveBatch(int size = 0, int most = Most)
    {
        _fixed = size > 0;
        _most = most;
        Size = _fixed ? size : Math.Min(Start, most);
    }

    public int Size { get; private set; }

    /// <summary>The most keys of a breath where their rate is limited: a tenth of a second's worth, so that they do not come in bursts.</summary>
    public static int MostOf(MoveOptions options) => options.MaxKeysPerSecond > 0 ? Math.Max(1, Math.Min(Most, options.MaxKeysPerSecond / 10)) : Most;

    /// <summary>Learns from a breath that went well.</summary>
    /// <param name="count">How many were in it.</param>
    /// <param name="stall">How long it took on the servers.</param>
    /// <param name="longest">How long it may take.</param>
    public void Took(int count, TimeSpan stall, TimeSpan longest)
    {
        if (_fixed)
            return;
        if (stall > longest)
            Size = Math.Max(1, (int)(count * Math.Max(0.1, longest.TotalMilliseconds * 0.7 / stall.TotalMilliseconds)));
        else if (count >= Size && stall.TotalMilliseconds < longest.TotalMilliseconds / 2)
            Size = Math.Min(_most, Size * 2);
    }

    /// <summary>Learns from a MIGRATE that broke: fewer keys next time, also where a size was asked for.</summary>
    public void Broke(int keys) => Size = Math.Max(1, keys / 2);
}
