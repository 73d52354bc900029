using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps;

/// <summary>Where a run is.</summary>
public enum MigrationState
{
    /// <summary>Its process is at work.</summary>
    Running,

    /// <summary>It ended, and every slot is as was wanted.</summary>
    Completed,

    /// <summary>It ended, and slots failed.</summary>
    Failed,

    /// <summary>It was asked to stop before it was through.</summary>
    Stopped,

    /// <summary>Its process is gone without having said so.</summary>
    Interrupted,
}

/// <summary>One run of the journal: what it was to do, and how far it came.</summary>
public sealed record RedisMigration
{
    internal const string Whole = "Whole";

    /// <summary>Such as <c>20261123T235959Z-4f2a9c</c>. Its beginning is enough wherever an id is asked for, if no other begins so.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Which operation ran, such as <c>Complete</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    internal MigrationOperation Kind => MigrationOperationText.Parse(Operation);

    /// <summary>How, where there was a choice: <c>RoundTrip</c> or <c>PullBack</c> of an undo; <c>Whole</c> where many slots move whole.</summary>
    public string? Strategy { get; init; }

    /// <summary>Where it is.</summary>
    public MigrationState State { get; init; }

    /// <summary>When it began, UTC.</summary>
    public DateTime Started { get; init; }

    /// <summary>When it last wrote anything, UTC.</summary>
    public DateTime LastProgress { get; init; }

    /// <summary>When it ended, UTC; null while it runs, and for one whose process is gone.</summary>
    public DateTime? Ended { get; init; }

    /// <summary>Slots that it was to touch.</summary>
    public int SlotCount => Slots.Count;

    /// <summary>Slots that are as was wanted.</summary>
    public int SlotsDone => Slots.Count(slot => slot.IsDone);

    /// <summary>Slots that failed.</summary>
    public int SlotsFailed => Slots.Count(slot => slot.HasFailed);

    /// <summary>Slots that it did not come to, or did not bring to an end.</summary>
    public int SlotsLeft => Slots.Count(slot => !slot.IsDone && !slot.HasFailed);

    /// <summary>Keys that it moved, as far as it told.</summary>
    public long KeysMoved => Slots.Sum(slot => slot.KeysMoved);

    /// <summary>Where slots move whole, keys that the plan counted in them: clients go on writing and deleting, so it is an estimate. Null where nobody counted.</summary>
    public long? KeysPlanned { get; init; }

    /// <summary>Keys that it has still to move, as it last counted them, or, where slots move whole, by what was planned; null where nobody counted.</summary>
    public long? KeysLeft => MovesWholeSlots ? (KeysPlanned is { } planned ? (SlotsDone == SlotCount ? 0 : Math.Max(0, planned - KeysMoved)) : null)
        : Slots.Any(slot => !slot.IsDone && slot.KeysLeft is null) ? null : Slots.Sum(slot => slot.IsDone ? 0 : slot.KeysLeft);

    /// <summary>How far it is, 0 to 100: by keys where they were counted, else by slots; null where there is nothing to do.</summary>
    public int? PercentComplete => SlotCount == 0 ? null
        : SlotsDone == SlotCount ? 100
        // As long as a slot is left it is not through, whatever was estimated.
        : KeysLeft is { } left && KeysMoved + left > 0 ? (int)Math.Min(99, 100 * KeysMoved / (KeysMoved + left))
        : 100 * SlotsDone / SlotCount;

    /// <summary>Keys that it moved per second so far; null unless it is at work.</summary>
    public double? KeysPerSecond => IsRunning && KeysMoved > 0 && LastProgress > Started ? Math.Round(KeysMoved / (LastProgress - Started).TotalSeconds, 1) : null;

    /// <summary>How long the rest takes as it went so far; null unless it is at work, and below 1 %, where it would be a guess.</summary>
    public TimeSpan? TimeLeft => !IsRunning || PercentComplete is not >= 1 || LastProgress <= Started ? null
        : TimeSpan.FromSeconds(Math.Ceiling((LastProgress - Started).TotalSeconds * (100 - PercentComplete.Value) / PercentComplete.Value));

    /// <summary>Its process is at work.</summary>
    public bool IsRunning => State == MigrationState.Running;

    /// <summary>There is something left, and nobody is at it.</summary>
    public bool IsResumable => !IsRunning && Slots.Any(slot => !slot.IsDone && slot.FinishedBy is null);

    /// <summary>Many slots at once, between pairs of masters.</summary>
    internal bool MovesWholeSlots => Strategy == Whole;

    /// <summary>Who ran it.</summary>
    public string? User { get; init; }

    /// <summary>The machine it ran on.</summary>
    public string? Host { get; init; }

    /// <summary>The process there.</summary>
    public int? ProcessId { get; init; }

    /// <summary><c>host:port</c> by which the cluster was reached.</summary>
    public IReadOnlyList<string> Seeds { get; init; } = [];

    /// <summary>The nodes that the cluster had.</summary>
    public IReadOnlyList<string> NodeIds { get; init; } = [];

    /// <summary>Its slots, lowest first.</summary>
    public IReadOnlyList<RedisMigrationSlot> Slots { get; init; } = [];

    /// <summary>Its file.</summary>
    public string Path { get; init; } = string.Empty;

    /// <summary>Lines of the file that could not be read. What they said is not known.</summary>
    public int DamagedLines { get; init; }

    /// <summary>The cluster that it was asked about; null where none was named.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>Such as <c>20261123T235959Z-4f2a9c Complete Interrupted, 3 of 5 slots</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture, "{0} {1} {2}, {3} of {4} {5}", Id, Operation, State, SlotsDone, SlotCount, SlotCount == 1 ? "slot" : "slots");
}
