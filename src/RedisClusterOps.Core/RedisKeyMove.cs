using System;

namespace RedisClusterOps;

/// <summary>Keys of an open slot that were moved, the slot itself staying open.</summary>
public sealed record RedisKeyMove
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary><c>host:port</c> of the master that the keys left.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the master that the keys went to.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Keys moved.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Keys that were gone when their turn came: expired, deleted, or never there.</summary>
    public long KeysMissing { get; init; }

    /// <summary>Keys that held different values on both sides, decided or not.</summary>
    public long KeysConflicting { get; init; }

    /// <summary>Keys of the slot still on the source.</summary>
    public long KeysRemaining { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The cluster it happened on.</summary>
    public RedisClusterSession? Cluster { get; init; }
}
