using System;
using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>What an alert is about.</summary>
public enum AlertCode
{
    /// <summary>An open slot has made no progress for too long.</summary>
    SlotStuck,

    /// <summary>Slots have no owner, or an owner that is down.</summary>
    SlotUncovered,

    /// <summary>Nodes have named different owners for a slot for longer than a hand-over takes.</summary>
    SlotOwnerConflict,

    /// <summary>A node says that the cluster as a whole is not serving.</summary>
    ClusterStateFail,

    /// <summary>The cluster agreed that a node is down.</summary>
    NodeFail,

    /// <summary>Some node can't reach a node.</summary>
    NodePFail,

    /// <summary>A node is still being introduced to the cluster.</summary>
    NodeHandshake,

    /// <summary>A node does not answer us.</summary>
    NodeUnreachable,

    /// <summary>A replica lost its link to its master.</summary>
    ReplicaLinkDown,

    /// <summary>A replica is far behind its master.</summary>
    ReplicaLag,

    /// <summary>A node has used most of the memory it may.</summary>
    MemoryPressure,
}

/// <summary>Something that somebody has to look at now: what, since when, what clients see of it, and the command to run.</summary>
public sealed record RedisClusterAlert
{
    /// <summary>Which alert.</summary>
    public AlertCode Code { get; init; }

    /// <summary>How bad.</summary>
    public FindingSeverity Severity { get; init; }

    /// <summary>The node (<c>host:port</c>) or the slots (<c>5519</c>, <c>0-5460</c>) it is about.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Since when, UTC; of a stuck slot since when it has not got on.</summary>
    public DateTime Since { get; init; }

    /// <summary>False where nobody knows when it began: then it has been so since <see cref="Since"/> at least.</summary>
    public bool IsSinceExact { get; init; }

    /// <summary>How long it has to last before it is an alert; zero for what is one at once.</summary>
    public TimeSpan Threshold { get; init; }

    /// <summary>What was found, for how long, and what clients see of it.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>Of a stuck slot: share of its keys that is on the target, 0 to 100; null where it can't be known.</summary>
    public int? PercentComplete { get; init; }

    /// <summary>Of a stuck slot: keys that are left on the source; null where it did not tell.</summary>
    public long? KeysLeft { get; init; }

    /// <summary>When this was seen, UTC.</summary>
    public DateTime ObservedAt { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>Such as <c>Error SlotStuck 5519</c>.</summary>
    public override string ToString() => Severity + " " + Code + " " + Target;
}

/// <summary>The alerts of one look, and what kept that look from being remembered.</summary>
/// <param name="Alerts">The alerts that are active now, the worst first; none when all is well.</param>
/// <param name="Failure">Why the next look will not know of this one; null where it will, or was not meant to.</param>
public sealed record AlertOutcome(IReadOnlyList<RedisClusterAlert> Alerts, RedisOperationException? Failure);

/// <summary>When something is an alert, and what is known from before.</summary>
public sealed record AlertOptions
{
    /// <summary>How long an open slot may make no progress, above zero.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>A file to remember by from one look to the next; null for none.</summary>
    public string? StatePath { get; init; }

    /// <summary>Folder of the journal; null for the user's own.</summary>
    public string? JournalPath { get; init; }

    /// <summary>Alerts of earlier looks.</summary>
    public IReadOnlyList<RedisClusterAlert> PreviousAlerts { get; init; } = [];

    /// <summary>Open slots as earlier looks found them.</summary>
    public IReadOnlyList<RedisOpenSlot> PreviousOpenSlots { get; init; } = [];
}
