using System;
using System.Collections.Generic;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>One slot of a run of the journal.</summary>
public sealed record RedisMigrationSlot
{
    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary>What was to be done to it, such as <c>Complete</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    internal MigrationOperation Kind => MigrationOperationText.Parse(Operation);

    /// <summary>How, where there was a choice.</summary>
    public string? Strategy { get; init; }

    /// <summary><c>host:port</c> of the master that the keys were to leave.</summary>
    public string? Source { get; init; }

    /// <summary>Id of that master.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the master that the keys were to go to.</summary>
    public string? Target { get; init; }

    /// <summary>Id of that master.</summary>
    public string? TargetId { get; init; }

    /// <summary>Id of the master that owned it before.</summary>
    public string? OwnerId { get; init; }

    /// <summary>How it ended; null where it was not begun, or not brought to an end.</summary>
    public MigrationOutcome? Outcome { get; init; }

    /// <summary>What went wrong; null where nothing did.</summary>
    public FailureCode? Failure { get; init; }

    /// <summary>Keys that the run moved, as far as it told.</summary>
    public long KeysMoved { get; init; }

    /// <summary>Keys that held different values on both sides.</summary>
    public long KeysConflicting { get; init; }

    /// <summary>Keys that were left when it last told; null where nobody counted.</summary>
    public long? KeysLeft { get; init; }

    /// <summary>Share of the keys that have moved, 0 to 100; null where nobody counted.</summary>
    public int? PercentComplete => IsDone ? 100 : KeysLeft is { } left && KeysMoved + left > 0 ? (int)(100 * KeysMoved / (KeysMoved + left)) : null;

    /// <summary>What there was to say at the end.</summary>
    public string? Reason { get; init; }

    /// <summary>When it was taken up, UTC; null where it was only planned.</summary>
    public DateTime? Since { get; init; }

    /// <summary>When anything was last written about it, UTC; null where it was only planned.</summary>
    public DateTime? LastProgress { get; init; }

    /// <summary>The later run that brought the slot to an end; null where none did.</summary>
    public string? FinishedBy { get; init; }

    /// <summary>Ids of nodes whose setting was changed, for the time of the run, so that they stay masters without slots.</summary>
    internal IReadOnlyList<string> SuppressedNodes { get; init; } = [];

    internal bool IsDone => IsSuccess(Outcome);

    // To be stopped is not to fail: the slot is simply left.
    internal bool HasFailed => Outcome == MigrationOutcome.Failed && Failure != FailureCode.Stopped;

    /// <summary>True if the run took the slot up and, as far as the journal knows, left it open.</summary>
    internal bool IsUnfinished => IsLeftOpen(Since, Outcome, Kind);

    internal static bool IsSuccess(MigrationOutcome? outcome) => outcome is not null and not MigrationOutcome.Failed;

    // Start and Restart leave a slot open on purpose.
    internal static bool IsLeftOpen(DateTime? since, MigrationOutcome? outcome, MigrationOperation operation) => since is not null
        && (outcome is null or MigrationOutcome.Failed or MigrationOutcome.Restarted || (outcome == MigrationOutcome.Skipped && operation is MigrationOperation.Start or MigrationOperation.Restart));

    /// <summary>Such as <c>slot 5519 Complete: Failed</c>.</summary>
    public override string ToString() =>
        "slot " + Slot.ToString(CultureInfo.InvariantCulture) + " " + Operation + ": " + (Outcome?.ToString() ?? (Since is null ? "planned" : "left"));
}
