using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>The result of an operation on several slots with one source, target, outcome and reason; or on none.</summary>
public sealed record RedisSlotMoveResult : IClusterResult
{
    /// <summary>The operation, such as <c>Rebalance</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the master that the slots left; null if no slot was concerned.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the master that the slots went to.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>The slots as text, such as <c>0-99,5519</c>; empty if no slot was concerned.</summary>
    public string SlotRanges => SlotSet.From(Slot).ToString();

    /// <summary>The number of slots.</summary>
    public int SlotCount => Slot.Count;

    /// <summary>The slots, 0 to 16383.</summary>
    public IReadOnlyList<int> Slot { get; init => field = value.Shown(); } = ShownList<int>.Empty;

    /// <summary>Number of keys that this run moved.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Number of keys with different values on source and target, resolved or not.</summary>
    public long KeysConflicting { get; init; }

    /// <summary>The outcome.</summary>
    public MigrationOutcome Outcome { get; init; }

    /// <summary><c>KeyByKey</c> or <c>Atomic</c>.</summary>
    public string Method { get; init; } = string.Empty;

    /// <summary>The duration.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Why the slots were skipped or failed, and what to do next; otherwise notes. Null if there are none.</summary>
    public string? Reason { get; init; }

    /// <summary>Id of the run.</summary>
    public string? MigrationId { get; init; }

    /// <summary>The cluster.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Returns this result with the cluster that it belongs to.</summary>
    /// <param name="cluster">The cluster; null if it is unknown.</param>
    public RedisSlotMoveResult Of(RedisClusterSession? cluster) => this with { Cluster = cluster };

    /// <summary>Such as <c>slots 0-99 Moved</c>, or <c>no slot Skipped</c>.</summary>
    public override string ToString() => (SlotCount == 0 ? "no slot" : "slots " + SlotRanges) + " " + Outcome;
}
