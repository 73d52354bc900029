using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps;

/// <summary>Slots that go from one master to another.</summary>
public sealed record RedisSlotMove
{
    /// <summary><c>host:port</c> of the master that they leave.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary>Id of that master.</summary>
    public string SourceId { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the master that they go to.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Id of that master.</summary>
    public string TargetId { get; init; } = string.Empty;

    /// <summary>The slots, lowest first.</summary>
    public IReadOnlyList<SlotRange> SlotRanges { get; init; } = [];

    /// <summary>How many slots.</summary>
    public int SlotCount => SlotRanges.Sum(range => range.Count);

    /// <summary>Keys of these slots on the source when the plan was made; null where nobody counted.</summary>
    public long? EstimatedKeys { get; init; }

    /// <summary>Bytes that they take, by the server's own account or estimated from the source's average; null where nobody knows.</summary>
    public long? EstimatedBytes { get; init; }

    /// <summary><c>Atomic</c> where the servers move the slots themselves, else <c>KeyByKey</c>.</summary>
    public string Method => DecidedMethod.ToString();

    /// <summary>The method as a value: never <see cref="MoveMethod.Auto"/>.</summary>
    internal MoveMethod DecidedMethod { get; init; } = MoveMethod.KeyByKey;

    /// <summary>Such as <c>1365 slots from 127.0.0.1:7001 to 127.0.0.1:7004: 0-1364</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture, "{0} {1} from {2} to {3}: {4}", SlotCount, SlotCount == 1 ? "slot" : "slots", Source, Target, string.Join(",", SlotRanges));
}

/// <summary>What one master has of the cluster.</summary>
public sealed record RedisNodeShare
{
    /// <summary><c>host:port</c>.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Its id.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>How many slots it owns.</summary>
    public int SlotCount { get; init; }

    /// <summary>The slots, lowest first.</summary>
    public IReadOnlyList<SlotRange> SlotRanges { get; init; } = [];

    /// <summary>Keys in them; null where nobody counted.</summary>
    public long? Keys { get; init; }

    /// <summary>Bytes that they take; null where nobody knows.</summary>
    public long? Bytes { get; init; }

    /// <summary>Its weight; null where the plan does not go by weights.</summary>
    public double? Weight { get; init; }

    /// <summary>Percent of all there is, of what the plan makes even.</summary>
    public double Share { get; init; }

    /// <summary>Such as <c>127.0.0.1:7001 4096 slots, 25 %</c>.</summary>
    public override string ToString() => string.Format(CultureInfo.InvariantCulture, "{0} {1} {2}, {3:0.##} %", Node, SlotCount, SlotCount == 1 ? "slot" : "slots", Share);
}

/// <summary>Which slots are to move from where to where, and what each master has before and after. It holds no steps: these are derived from what the cluster says when they are taken.</summary>
public sealed record RedisRebalancePlan
{
    /// <summary><c>Rebalance</c>, <c>Move</c>, or <c>Undo</c> of a run of either.</summary>
    public string Operation => Kind.ToString();

    internal MigrationOperation Kind { get; init; } = MigrationOperation.Rebalance;

    /// <summary>One for each pair of masters; none where there is nothing to move.</summary>
    public IReadOnlyList<RedisSlotMove> Moves { get; init; } = [];

    /// <summary>What each master has now.</summary>
    public IReadOnlyList<RedisNodeShare> Before { get; init; } = [];

    /// <summary>What each master will have.</summary>
    public IReadOnlyList<RedisNodeShare> After { get; init; } = [];

    /// <summary>Of the owner map that the plan was made from. A cluster with another one makes the plan stale.</summary>
    public string Fingerprint { get; init; } = string.Empty;

    /// <summary>UTC.</summary>
    public DateTime CreatedAt { get; init; }

    /// <summary>What it was to reach; null where slots were named.</summary>
    public RebalanceOptions? Options { get; init; }

    /// <summary>What the nodes said that is to be known before it runs.</summary>
    public IReadOnlyList<PlanFinding> Findings { get; init; } = [];

    /// <summary>Slots that move in all.</summary>
    public int SlotCount => Moves.Sum(move => move.SlotCount);

    /// <summary>The cluster it is for.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>True where a run is gone on with or undone: what the servers were at for it may end at any moment, and fits.</summary>
    internal bool GoesOn { get; init; }

    /// <summary>Ids of nodes that a run which was cut off kept masters by a setting.</summary>
    internal IReadOnlyCollection<string> SuppressedNodes { get; init; } = [];

    /// <summary>Such as <c>4096 slots in 3 moves</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture, "{0} {1} in {2} {3}", SlotCount, SlotCount == 1 ? "slot" : "slots", Moves.Count, Moves.Count == 1 ? "move" : "moves");
}
