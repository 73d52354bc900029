using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;

namespace RedisClusterOps;

/// <summary>The state of a run.</summary>
public enum MigrationState : long
{
    /// <summary>The run is in progress.</summary>
    Running,

    /// <summary>The run ended, and every slot is done.</summary>
    Completed,

    /// <summary>The run ended, and slots failed.</summary>
    Failed,

    /// <summary>The run was stopped before it was complete.</summary>
    Stopped,

    /// <summary>The process of the run ended without recording the end.</summary>
    Interrupted,
}

/// <summary>A run in the journal: its slots and its progress.</summary>
public sealed record RedisMigration : IClusterResult
{
    internal const string Whole = "Whole";

    /// <summary>Such as <c>20261123T235959Z-4f2a9c</c>. Its unique beginning is enough wherever an id is needed.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>The operation, such as <c>Complete</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    internal MigrationOperation Kind => MigrationOperationText.Parse(Operation);

    /// <summary><c>RoundTrip</c> or <c>PullBack</c> for an undo, <c>Whole</c> for a run that moves whole slots; otherwise null.</summary>
    public string? Strategy { get; init; }

    /// <summary>Whether it runs, or how it ended.</summary>
    public MigrationState State { get; init; }

    /// <summary>When it began, UTC.</summary>
    public DateTime Started { get; init; }

    /// <summary>When it last recorded anything, UTC.</summary>
    public DateTime LastProgress { get; init; }

    /// <summary>When it ended, UTC; null if it runs or was interrupted.</summary>
    public DateTime? Ended { get; init; }

    /// <summary>Number of slots of the run.</summary>
    public int SlotCount => Slots.Count;

    /// <summary>Number of slots that are done.</summary>
    public int SlotsDone => Slots.Count(slot => slot.IsDone);

    /// <summary>Number of slots that failed.</summary>
    public int SlotsFailed => Slots.Count(slot => slot.HasFailed);

    /// <summary>Number of slots that were not started or not finished, by this run or by a later one that resumed it.</summary>
    public int SlotsLeft => Slots.Count(slot => !slot.IsDone && !slot.HasFailed && slot.FinishedBy is null);

    /// <summary>Number of keys that it moved, as recorded.</summary>
    public long KeysMoved => Slots.Sum(slot => slot.KeysMoved);

    /// <summary>
    /// In a run that moves whole slots, the keys that the plan counted. An estimate, because clients add and delete keys. Null if they were
    /// not counted.
    /// </summary>
    public long? KeysPlanned { get; init; }

    /// <summary>
    /// Keys that are left to move: by the last count, or by the plan in a run that moves whole slots. Null if they were not counted.
    /// </summary>
    public long? KeysLeft => MovesWholeSlots
        ? (KeysPlanned is { } planned ? (SlotsDone == SlotCount ? 0 : Math.Max(0, planned - KeysMoved)) : null)
        : Slots.Any(slot => !slot.IsDone && slot.KeysLeft is null) ? null : Slots.Sum(slot => slot.IsDone ? 0 : slot.KeysLeft);

    /// <summary>The progress, 0 to 100: by keys if they were counted, otherwise by slots; null if there is nothing to do.</summary>
    public int? PercentComplete => SlotCount == 0 ? null
        : SlotsDone == SlotCount ? 100
        // While a slot is left the run is not complete, regardless of the estimate.
        : KeysLeft is { } left && KeysMoved + left > 0 ? (int)Math.Min(99, 100 * KeysMoved / (KeysMoved + left))
        : 100 * SlotsDone / SlotCount;

    /// <summary>Keys per second so far; null unless the run is in progress.</summary>
    public double? KeysPerSecond => IsRunning && KeysMoved > 0 && LastProgress > Started
        ? Math.Round(KeysMoved / (LastProgress - Started).TotalSeconds, 1)
        : null;

    /// <summary>The estimated time until the end; null unless the run is in progress and at least 1 % complete.</summary>
    public TimeSpan? TimeLeft => !IsRunning || PercentComplete is not >= 1 || LastProgress <= Started ? null
        : TimeSpan.FromSeconds(Math.Ceiling((LastProgress - Started).TotalSeconds * (100 - PercentComplete.Value) / PercentComplete.Value));

    /// <summary>True while the run is in progress.</summary>
    public bool IsRunning => State == MigrationState.Running;

    /// <summary>True if slots are left and the run is not in progress.</summary>
    public bool IsResumable => !IsRunning && Slots.Any(slot => !slot.IsDone && slot.FinishedBy is null);

    /// <summary>True if the run moves whole slots between pairs of masters.</summary>
    internal bool MovesWholeSlots => Strategy == Whole;

    /// <summary>The operating-system user of the run.</summary>
    public string? User { get; init; }

    /// <summary>The machine of the run.</summary>
    public string? Host { get; init; }

    /// <summary>Id of the process on that machine.</summary>
    public int? ProcessId { get; init; }

    /// <summary>The addresses by which the cluster was reached, as <c>host:port</c>.</summary>
    public IReadOnlyList<string> Seeds { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>The first of these addresses; null if the file does not name one.</summary>
    public string? Endpoint => Seeds.Count == 0 ? null : Seeds[0];

    /// <summary>Ids of the nodes of the cluster.</summary>
    public IReadOnlyList<string> NodeIds { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>The master of each replica when the run began, by their ids; null in a run of an earlier version.</summary>
    internal IReadOnlyDictionary<string, string>? MasterOfReplica { get; init; }

    /// <summary>True if masters that lose their last slot in the run stay masters.</summary>
    internal bool KeepsEmptyMaster { get; init; }

    /// <summary>The slots, lowest first.</summary>
    public IReadOnlyList<RedisMigrationSlot> Slots { get; init => field = value.Shown(); } = ShownList<RedisMigrationSlot>.Empty;

    /// <summary>The commands of a change of members or roles, each with its node; empty for a run on slots.</summary>
    public IReadOnlyList<string> Commands { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>The address, or the short id, of the node of a change of members or roles; null if there is none.</summary>
    internal string? ChangedNode { get; init; }

    /// <summary>The id of that node.</summary>
    internal string? ChangedNodeId { get; init; }

    /// <summary>Why a change of members or roles failed; null if it did not, or for a run on slots.</summary>
    public string? Reason { get; init; }

    /// <summary>Path of the file of the run.</summary>
    public string Path { get; init; } = string.Empty;

    /// <summary>Number of lines of the file that could not be read.</summary>
    public int DamagedLines { get; init; }

    /// <summary>The cluster that the list was requested for; null if there was none.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Returns this run with the cluster that it belongs to.</summary>
    /// <param name="cluster">The cluster; null if it is unknown.</param>
    public RedisMigration Of(RedisClusterSession? cluster) => this with { Cluster = cluster };

    /// <summary>Such as <c>20261123T235959Z-4f2a9c Complete Interrupted, 3 of 5 slots</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture,
        "{0} {1} {2}, {3} of {4} {5}",
        Id, Operation, State, SlotsDone, SlotCount, SlotCount == 1 ? "slot" : "slots");
}
