using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>The outcome of an operation on a slot.</summary>
public enum MigrationOutcome : long
{
    /// <summary>The target owns the slot in every view, with all its keys.</summary>
    Completed,

    /// <summary>The previous owner owns the slot again.</summary>
    RolledBack,

    /// <summary>The slot is open again, and both ends are consistent.</summary>
    Restarted,

    /// <summary>A stable slot was moved.</summary>
    Moved,

    /// <summary>The slot was repaired.</summary>
    Repaired,

    /// <summary>There was nothing to do.</summary>
    Skipped,

    /// <summary>The operation failed. The reason says why and what to do next.</summary>
    Failed,
}

/// <summary>The result of an operation on one slot.</summary>
public sealed record RedisSlotMigrationResult : IClusterResult
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>The operation, such as <c>Complete</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    /// <summary>The outcome.</summary>
    public MigrationOutcome Outcome { get; init; }

    /// <summary><c>host:port</c> of the master that the keys left.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the master that the keys went to.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>Number of keys that this run moved.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Number of keys with different values on source and target, resolved or not.</summary>
    public long KeysConflicting { get; init; }

    /// <summary><c>KeyByKey</c> or <c>Atomic</c>.</summary>
    public string Method { get; init; } = string.Empty;

    /// <summary>The duration.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Why the slot was skipped or failed, and what to do next; otherwise notes. Null if there are none.</summary>
    public string? Reason { get; init; }

    /// <summary>Id of the run.</summary>
    public string? MigrationId { get; init; }

    /// <summary>The cluster.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Returns this result with the cluster that it belongs to.</summary>
    /// <param name="cluster">The cluster; null if it is unknown.</param>
    public RedisSlotMigrationResult Of(RedisClusterSession? cluster) => this with { Cluster = cluster };

    /// <summary>Such as <c>slot 5519 Completed</c>.</summary>
    public override string ToString() => "slot " + Slot.ToString(CultureInfo.InvariantCulture) + " " + Outcome;
}

/// <summary>A move of keys of an open slot. The slot stays open.</summary>
public sealed record RedisKeyMove : IClusterResult
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary><c>host:port</c> of the master that the keys left.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the master that the keys went to.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Number of keys that were moved.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Number of keys that did not exist: expired, deleted, or never there.</summary>
    public long KeysMissing { get; init; }

    /// <summary>Number of keys with different values on source and target, resolved or not.</summary>
    public long KeysConflicting { get; init; }

    /// <summary>Number of keys of the slot that are left on the source.</summary>
    public long KeysRemaining { get; init; }

    /// <summary>The duration.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The cluster.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;
}

/// <summary>The result of an operation on a slot, and the failure.</summary>
/// <param name="Result">The result. After a failure it contains what was done before.</param>
/// <param name="Failure">The failure; null if there was none.</param>
public sealed record SlotOutcome(RedisSlotMigrationResult Result, RedisOperationException? Failure);

/// <summary>The result of a move of keys, and the failure.</summary>
/// <param name="Result">The result. After a failure it contains the keys that were moved before.</param>
/// <param name="Failure">The failure; null if there was none.</param>
public sealed record KeyMoveOutcome(RedisKeyMove Result, RedisOperationException? Failure);
