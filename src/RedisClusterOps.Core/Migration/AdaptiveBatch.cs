using System;

namespace RedisClusterOps.Migration;

/// <summary>How many keys go into the next MIGRATE: as many as fit into the longest stall that is allowed, for a MIGRATE blocks both nodes.</summary>
internal sealed class AdaptiveBatch
{
    private const int Start = 16;
    private const int Most = 10_000;

    private readonly bool _fixed;
    private readonly TimeSpan _maxStall;
    private readonly int _most;

    /// <param name="options">A batch size of 0 adapts.</param>
    public AdaptiveBatch(MoveOptions options)
    {
        _fixed = options.BatchSize > 0;
        _maxStall = options.MaxStall;
        // A tenth of a second's worth at the most, so that a limit on the rate does not come in bursts.
        _most = options.MaxKeysPerSecond > 0 ? Math.Max(1, options.MaxKeysPerSecond / 10) : Most;
        Size = _fixed ? options.BatchSize : Math.Min(Start, _most);
    }

    public int Size { get; private set; }

    /// <summary>Learns from a MIGRATE that went well.</summary>
    /// <param name="keys">Keys that were in it.</param>
    /// <param name="stall">How long it took on the servers.</param>
    public void Took(int keys, TimeSpan stall)
    {
        if (_fixed)
            return;
        if (stall > _maxStall)
            Size = Math.Max(1, (int)(keys * Math.Max(0.1, _maxStall.TotalMilliseconds * 0.7 / stall.TotalMilliseconds)));
        else if (keys >= Size && stall.TotalMilliseconds < _maxStall.TotalMilliseconds / 2)
            Size = Math.Min(_most, Size * 2);
    }

    /// <summary>Learns from a MIGRATE that broke: fewer keys next time, also where a size was asked for.</summary>
    public void Broke(int keys) => Size = Math.Max(1, keys / 2);
}
