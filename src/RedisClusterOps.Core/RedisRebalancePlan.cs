using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps;

/// <summary>Slots that move from one master to another.</summary>
public sealed record RedisSlotMove
{
    /// <summary><c>host:port</c> of the source.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary>Id of that master.</summary>
    public string SourceId { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the target.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Id of that master.</summary>
    public string TargetId { get; init; } = string.Empty;

    /// <summary>The slots as text, such as <c>0-1364,5461</c>.</summary>
    public string SlotRanges => string.Join(",", Ranges);

    /// <summary>The slots, lowest first.</summary>
    internal IReadOnlyList<SlotRange> Ranges { get; init; } = [];

    /// <summary>The number of slots.</summary>
    public int SlotCount => Ranges.Sum(range => range.Count);

    /// <summary>Keys of these slots on the source when the plan was made; null if they were not counted.</summary>
    public long? EstimatedKeys { get; init; }

    /// <summary>Their memory in bytes, as the server counts it or estimated from the source's average; null if unknown.</summary>
    public long? EstimatedBytes { get; init; }

    /// <summary><c>Atomic</c> if the servers move the slots themselves, otherwise <c>KeyByKey</c>.</summary>
    public string Method => DecidedMethod.ToString();

    /// <summary>The method as a value: never <see cref="MoveMethod.Auto"/>.</summary>
    internal MoveMethod DecidedMethod { get; init; } = MoveMethod.KeyByKey;

    /// <summary>
    /// What is sent for one slot, for all slots at once if the servers move them themselves; empty before the plan was checked.
    /// </summary>
    internal IReadOnlyList<PlannedCommand> Commands { get; init; } = [];

    /// <summary>Such as <c>1365 slots from 127.0.0.1:7001 to 127.0.0.1:7004: 0-1364</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture,
        "{0} {1} from {2} to {3}: {4}",
        SlotCount,
        SlotCount == 1 ? "slot" : "slots",
        Source,
        Target,
        SlotRanges);
}

/// <summary>The share of one master.</summary>
public sealed record RedisNodeShare
{
    /// <summary><c>host:port</c>.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Its id.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>The number of slots that it owns.</summary>
    public int SlotCount { get; init; }

    /// <summary>The slots as text, such as <c>0-1364,5461</c>.</summary>
    public string SlotRanges => string.Join(",", Ranges);

    /// <summary>The slots, lowest first.</summary>
    internal IReadOnlyList<SlotRange> Ranges { get; init; } = [];

    /// <summary>Keys of these slots; null if they were not counted.</summary>
    public long? Keys { get; init; }

    /// <summary>Their memory in bytes; null if unknown.</summary>
    public long? Bytes { get; init; }

    /// <summary>
    /// The measured load of these slots: CPU time in microseconds, or network bytes, in five seconds; null for other measures.
    /// </summary>
    public long? Load { get; init; }

    /// <summary>Its weight; null if the plan does not use weights.</summary>
    public double? Weight { get; init; }

    /// <summary>Its percentage of what the plan evens out.</summary>
    public double Share { get; init; }

    /// <summary>Such as <c>127.0.0.1:7001 4096 slots, 25 %</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture, "{0} {1} {2}, {3:0.##} %", Node, SlotCount, SlotCount == 1 ? "slot" : "slots", Share);
}

/// <summary>
/// Which slots move between which masters, and the share of each master before and after. It holds no steps.
/// These are derived from the state of the cluster during the run.
/// </summary>
public sealed record RedisRebalancePlan : IClusterResult
{
    /// <summary><c>Rebalance</c>, <c>Move</c>, or <c>Undo</c> of a run of either.</summary>
    public string Operation => Kind.ToString();

    internal MigrationOperation Kind { get; init; } = MigrationOperation.Rebalance;

    /// <summary>One for each pair of masters; empty if there is nothing to move.</summary>
    public IReadOnlyList<RedisSlotMove> Moves { get; init => field = value.Shown(); } = ShownList<RedisSlotMove>.Empty;

    /// <summary>The share of each master now.</summary>
    public IReadOnlyList<RedisNodeShare> Before { get; init => field = value.Shown(); } = ShownList<RedisNodeShare>.Empty;

    /// <summary>The share of each master afterwards.</summary>
    public IReadOnlyList<RedisNodeShare> After { get; init => field = value.Shown(); } = ShownList<RedisNodeShare>.Empty;

    /// <summary>The fingerprint of the slots' owners when the plan was made. If it has changed, the plan is stale.</summary>
    public string Fingerprint { get; init; } = string.Empty;

    /// <summary>When the plan was made, UTC.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>The goal of a rebalance; null for other operations.</summary>
    public RebalanceOptions? Options { get; init; }

    /// <summary>What to know before the plan is carried out.</summary>
    public IReadOnlyList<PlanFinding> Findings { get; init => field = value.Shown(); } = ShownList<PlanFinding>.Empty;

    /// <summary>The number of slots that move.</summary>
    public int SlotCount => Moves.Sum(move => move.SlotCount);

    /// <summary>The cluster.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>True if the plan resumes or undoes a run. The servers may still finish moves of that run meanwhile.</summary>
    internal bool ContinuesRun { get; init; }

    /// <summary>The master of each replica when that run began; null if the plan continues none, or if that is unknown.</summary>
    internal IReadOnlyDictionary<string, string>? MasterOfReplica { get; init; }

    /// <summary>The outcomes of slots that the plan can't move any more, as when their target has left the cluster.</summary>
    internal IReadOnlyList<SlotOutcome> Settled { get; init; } = [];

    /// <summary>Ids of the nodes whose replica migration an interrupted run suppressed.</summary>
    internal IReadOnlyCollection<string> SuppressedNodes { get; init; } = [];

    /// <summary>True if the plan resumes a run that keeps masters without slots masters.</summary>
    internal bool KeepsEmptyMaster { get; init; }

    /// <summary>Saves the plan as JSON, to review it or to carry it out later. The file contains no user and no password.</summary>
    /// <param name="path">The file. An existing file stays until the new one is complete.</param>
    /// <exception cref="RedisOperationException">InvalidPlanFile: the file can't be written.</exception>
    public void Save(string path) => PlanFile.Write(path, this);

    /// <summary>Loads a plan that was saved.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="RedisOperationException">InvalidPlanFile: the file can't be read, or is not a valid plan.</exception>
    public static RedisRebalancePlan Load(string path) => PlanFile.Read(path);

    /// <summary>Such as <c>4096 slots in 3 moves</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture,
        "{0} {1} in {2} {3}",
        SlotCount,
        SlotCount == 1 ? "slot" : "slots",
        Moves.Count,
        Moves.Count == 1 ? "move" : "moves");
}
