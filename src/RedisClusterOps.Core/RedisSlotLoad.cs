using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>What slots are ordered by, the highest first.</summary>
public enum SlotLoadMeasure
{
    /// <summary>The number of keys.</summary>
    Keys,

    /// <summary>The memory of the keys.</summary>
    Memory,

    /// <summary>The CPU time of commands.</summary>
    Cpu,

    /// <summary>The bytes that clients sent.</summary>
    NetworkIn,

    /// <summary>The bytes that the server sent.</summary>
    NetworkOut,
}

/// <summary>The load of one slot, as its owner counts it. Null where the owner does not count.</summary>
public sealed record RedisSlotLoad : IClusterResult
{
    /// <summary>The slot, 0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary><c>host:port</c> of its owner.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Id of its owner.</summary>
    public string NodeId { get; init; } = string.Empty;

    /// <summary>Keys now.</summary>
    public long? Keys { get; init; }

    /// <summary>The memory of the keys now, in bytes.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>
    /// The CPU time of commands, in microseconds: in the interval; without an interval, since the owner took over the slot, started, or its
    /// counters were reset.
    /// </summary>
    public long? CpuMicroseconds { get; init; }

    /// <summary>Bytes that clients sent, as <see cref="CpuMicroseconds"/>.</summary>
    public long? NetworkInBytes { get; init; }

    /// <summary>Bytes that the owner sent, as <see cref="CpuMicroseconds"/>.</summary>
    public long? NetworkOutBytes { get; init; }

    /// <summary>The time in which CPU time and bytes were counted; null if they count from the beginning.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>The same load of a cluster.</summary>
    /// <param name="cluster">The cluster; null if it is unknown.</param>
    public RedisSlotLoad Of(RedisClusterSession? cluster) => this with { Cluster = cluster };

    /// <summary>Such as <c>slot 5519 on 127.0.0.1:7000</c>.</summary>
    public override string ToString() => "slot " + Slot.ToString(CultureInfo.InvariantCulture) + " on " + Node;

    /// <summary>The value of one measure.</summary>
    internal long? Of(SlotLoadMeasure measure) => measure switch
    {
        SlotLoadMeasure.Memory => MemoryBytes,
        SlotLoadMeasure.Cpu => CpuMicroseconds,
        SlotLoadMeasure.NetworkIn => NetworkInBytes,
        SlotLoadMeasure.NetworkOut => NetworkOutBytes,
        _ => Keys,
    };
}
