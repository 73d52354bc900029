using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>How an operation on a slot ended.</summary>
public enum MigrationOutcome
{
    /// <summary>The target owns the slot in every view, with all its keys.</summary>
    Completed,

    /// <summary>The slot is back where it was.</summary>
    RolledBack,

    /// <summary>The migration is open again, both ends in order.</summary>
    Restarted,

    /// <summary>A stable slot was moved.</summary>
    Moved,

    /// <summary>Something broken was put right.</summary>
    Repaired,

    /// <summary>There was nothing to do.</summary>
    Skipped,

    /// <summary>It did not work; the reason says why and what to run.</summary>
    Failed,
}

/// <summary>What became of one slot.</summary>
public sealed record RedisSlotMigrationResult
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>Which operation ran, such as <c>Complete</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    /// <summary>How it ended.</summary>
    public MigrationOutcome Outcome { get; init; }

    /// <summary><c>host:port</c> of the master that the keys left.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the master that the keys went to.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>Keys that this run moved.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Keys that held different values on both sides, decided or not.</summary>
    public long KeysConflicting { get; init; }

    /// <summary><c>KeyByKey</c> or <c>Atomic</c>.</summary>
    public string Method { get; init; } = string.Empty;

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Why it was skipped or failed, and what to run; what is worth knowing otherwise; null where there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>The run it belongs to.</summary>
    public string? MigrationId { get; init; }

    /// <summary>The cluster it happened on.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>Such as <c>slot 5519 Completed</c>.</summary>
    public override string ToString() => "slot " + Slot.ToString(CultureInfo.InvariantCulture) + " " + Outcome;
}

/// <summary>What became of a slot, and the failure where it was one.</summary>
/// <param name="Result">The result, also of a failure: what had been done by then stands in it.</param>
/// <param name="Failure">Why it failed; null where it did not.</param>
public sealed record SlotOutcome(RedisSlotMigrationResult Result, RedisOperationException? Failure);

/// <summary>What became of a move of keys, and the failure where it was one.</summary>
/// <param name="Result">The result, also of a failure: what had been moved by then stands in it.</param>
/// <param name="Failure">Why it failed; null where it did not.</param>
public sealed record KeyMoveOutcome(RedisKeyMove Result, RedisOperationException? Failure);
