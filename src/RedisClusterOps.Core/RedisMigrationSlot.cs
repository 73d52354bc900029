using System;
using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Journal;

namespace RedisClusterOps;

/// <summary>One slot of a run of the journal.</summary>
public sealed record RedisMigrationSlot
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>The operation on the slot, such as <c>Complete</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    internal MigrationOperation Kind => MigrationOperationText.Parse(Operation);

    /// <summary>The strategy of an undo; otherwise null.</summary>
    public string? Strategy { get; init; }

    /// <summary><c>host:port</c> of the source of the keys.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the target of the keys.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>Id of the owner before the run.</summary>
    public string? OwnerId { get; init; }

    /// <summary>The outcome; null if the slot was not started or not finished.</summary>
    public MigrationOutcome? Outcome { get; init; }

    /// <summary>The code of the failure; null if there was none.</summary>
    public FailureCode? Failure { get; init; }

    /// <summary>Number of keys that the run moved, as recorded.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Number of keys with different values on source and target.</summary>
    public long KeysConflicting { get; init; }

    /// <summary>Keys that were left at the last record; null if they were not counted.</summary>
    public long? KeysLeft { get; init; }

    /// <summary>The progress by keys, 0 to 100; null if they were not counted.</summary>
    public int? PercentComplete => IsDone ? 100
        : KeysLeft is { } left && KeysMoved + left > 0 ? (int)(100 * KeysMoved / (KeysMoved + left)) : null;

    /// <summary>The reason of the outcome; null if there is none.</summary>
    public string? Reason { get; init; }

    /// <summary>When the slot was opened, UTC; null if it was only planned.</summary>
    public DateTime? Since { get; init; }

    /// <summary>When anything was last recorded about the slot, UTC; null if it was only planned.</summary>
    public DateTime? LastProgress { get; init; }

    /// <summary>Id of the later run that finished the slot; null if there is none.</summary>
    public string? FinishedBy { get; init; }

    /// <summary>Ids of nodes on which the run suppressed replica migration, so that they stay masters without slots.</summary>
    internal IReadOnlyList<string> SuppressedNodes { get; init; } = [];

    /// <summary>The master of each replica when the run began, by their ids; null in a run of an earlier version.</summary>
    internal IReadOnlyDictionary<string, string>? MasterOfReplica { get; init; }

    internal bool IsDone => IsSuccess(Outcome);

    // A stopped slot did not fail: it is left.
    internal bool HasFailed => Outcome == MigrationOutcome.Failed && Failure != FailureCode.Stopped;

    /// <summary>True if the run opened the slot and left it open, as far as the journal knows.</summary>
    internal bool IsUnfinished => IsLeftOpen(Since, Outcome, Kind);

    internal static bool IsSuccess(MigrationOutcome? outcome) => outcome is not null and not MigrationOutcome.Failed;

    // Start and Restart leave a slot open on purpose.
    internal static bool IsLeftOpen(DateTime? since, MigrationOutcome? outcome, MigrationOperation operation) => since is not null
        && (outcome is null or MigrationOutcome.Failed or MigrationOutcome.Restarted
            || (outcome == MigrationOutcome.Skipped && operation is MigrationOperation.Start or MigrationOperation.Restart));

    /// <summary>Such as <c>slot 5519 Complete: Failed</c>.</summary>
    public override string ToString() =>
        "slot " + Slot.ToString(CultureInfo.InvariantCulture) + " " + Operation + ": "
            + (Outcome?.ToString() ?? (Since is null ? "planned" : "left"));
}
