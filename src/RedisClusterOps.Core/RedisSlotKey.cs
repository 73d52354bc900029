using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>One key of a slot on one node.</summary>
public sealed record RedisSlotKey : IClusterResult
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>The key's name, safe to print: quoted with \xHH escapes if it is not plain ASCII.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The key's name as the server has it.</summary>
    public IReadOnlyList<byte> RawName { get; init => field = value.Shown(); } = ShownList<byte>.Empty;

    /// <summary><c>host:port</c> of the node that holds it.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Number of the database that holds it; 0 except on Valkey 9 with several databases.</summary>
    public int Database { get; init; }

    /// <summary>string, list, hash, set, zset, stream …; null if it was not requested or the node did not report it.</summary>
    public string? Type { get; init; }

    /// <summary>Time left; null for a key without expiry, or if it was not requested.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>Bytes; null if it was not requested or the node did not report it.</summary>
    public long? MemoryUsage { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Its name.</summary>
    public override string ToString() => Name;
}

/// <summary>The slot of a key.</summary>
public sealed record RedisKeySlot : IClusterResult
{
    /// <summary>The key.</summary>
    public string Key { get; init; } = string.Empty;

    /// <summary>The part between braces that determines the slot; null if the whole key does.</summary>
    public string? HashTag { get; init; }

    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary><c>host:port</c> of the slot's owner; null without a cluster, or if the slot has no owner.</summary>
    public string? Owner { get; init; }

    /// <summary>The cluster that the owner was read from; null if none was.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;
}
