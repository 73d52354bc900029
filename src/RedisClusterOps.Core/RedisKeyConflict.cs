using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>A key that two nodes of an open slot hold: the copy that clients use, and the other one.</summary>
public sealed record RedisKeyConflict : IClusterResult
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>The key's name, safe to print: quoted with \xHH escapes if it is not plain ASCII.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The key's name as the server has it.</summary>
    public IReadOnlyList<byte> RawName { get; init => field = value.Shown(); } = ShownList<byte>.Empty;

    /// <summary>Number of the database of both copies; 0 except on Valkey 9 with several databases.</summary>
    public int Database { get; init; }

    /// <summary><c>host:port</c> of the slot's owner, whose copy clients read and write now.</summary>
    public string InUseOn { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the node that holds the other copy, which clients do not see.</summary>
    public string OtherOn { get; init; } = string.Empty;

    /// <summary>
    /// True if both copies have the same value and expiry, so that they are one key. False if they could not be compared.
    /// </summary>
    public bool IsEqual { get; init; }

    /// <summary>Type of the copy in use: string, list, hash, set, zset, stream …</summary>
    public string? Type { get; init; }

    /// <summary>Type of the other copy; null if its node does not serve the slot, so that the copy can't be read.</summary>
    public string? OtherType { get; init; }

    /// <summary>Time left of the copy in use; null if it has no expiry.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>Time left of the other copy; null if it has no expiry, or can't be read.</summary>
    public TimeSpan? OtherTimeToLive { get; init; }

    /// <summary>Bytes of memory of the copy in use; without the right to read that, bytes of its dump; null if neither is known.</summary>
    public long? Size { get; init; }

    /// <summary>The same of the other copy.</summary>
    public long? OtherSize { get; init; }

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Its name.</summary>
    public override string ToString() => Name;
}

/// <summary>A value that a conflict saved, and where it would be restored now.</summary>
public sealed record KeyRestorePlan
{
    /// <summary>The file of the value.</summary>
    public string Path { get; init; } = string.Empty;

    /// <summary>The slot of the key, 0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>The key's name, safe to print.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the node that serves the key now.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>The value that would be replaced, such as <c>string, 12 bytes, no expiry</c>; null if the key does not exist.</summary>
    public string? Replaced { get; init; }

    /// <summary>Time left of the saved value; null if it has no expiry.</summary>
    public TimeSpan? TimeToLive { get; init; }
}
