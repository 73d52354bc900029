using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing to do.</summary>
    Information,

    /// <summary>Nothing fails yet.</summary>
    Warning,

    /// <summary>Clients fail now, or data is at risk.</summary>
    Error,
}

/// <summary>What a finding is about.</summary>
public enum FindingCode
{
    /// <summary>A node does not answer us.</summary>
    NodeUnreachable,

    /// <summary>The cluster agreed that a node is down.</summary>
    NodeFail,

    /// <summary>Some node can't reach a node.</summary>
    NodePFail,

    /// <summary>A node is still being introduced to the cluster.</summary>
    NodeHandshake,

    /// <summary>Nobody knows a node's address.</summary>
    NodeNoAddress,

    /// <summary>Slots have no owner, or an owner that is down.</summary>
    SlotUncovered,

    /// <summary>A slot's migration is open.</summary>
    SlotOpen,

    /// <summary>Nodes name different owners for a slot.</summary>
    SlotOwnerConflict,

    /// <summary>Two masters have the same config epoch, so that a conflict between them could not be decided.</summary>
    EpochCollision,

    /// <summary>A node holds keys of a slot that it does not own.</summary>
    StrayKeys,

    /// <summary>A replica lost its link to its master.</summary>
    ReplicaLinkDown,

    /// <summary>A replica is far behind its master.</summary>
    ReplicaLag,

    /// <summary>A master has fewer replicas than asked for.</summary>
    TooFewReplicas,

    /// <summary>A node says that the cluster as a whole is not serving.</summary>
    ClusterStateFail,

    /// <summary>A node has used most of the memory it may.</summary>
    MemoryPressure,

    /// <summary>A node keeps its one core busy.</summary>
    CpuPressure,

    /// <summary>Nodes run different servers or versions.</summary>
    MixedVersions,

    /// <summary>The servers are moving slots themselves.</summary>
    AtomicMigrationRunning,
}

/// <summary>One thing found by a check: what it is, what it means for clients now, and the command to run.</summary>
public sealed record RedisClusterFinding
{
    /// <summary>Which finding.</summary>
    public FindingCode Code { get; init; }

    /// <summary>How bad.</summary>
    public FindingSeverity Severity { get; init; }

    /// <summary>The node (<c>host:port</c>) or the slots (<c>5519</c>, <c>0-5460</c>) it is about; <c>cluster</c> for the whole.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>What was found and what clients see of it.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>Such as <c>Error SlotOpen 5519</c>.</summary>
    public override string ToString() => Severity + " " + Code + " " + Target;
}

/// <summary>The result of a check of the whole cluster.</summary>
public sealed record RedisClusterHealth
{
    /// <summary>True where no finding is an error or a warning.</summary>
    public bool Healthy { get; init; }

    /// <summary>What was found, the worst first.</summary>
    public IReadOnlyList<RedisClusterFinding> Findings { get; init; } = [];

    /// <summary>Every node.</summary>
    public IReadOnlyList<RedisClusterNode> Nodes { get; init; } = [];

    /// <summary>Every open slot.</summary>
    public IReadOnlyList<RedisOpenSlot> OpenSlots { get; init; } = [];

    /// <summary>The cluster that was checked.</summary>
    public RedisClusterSession? Cluster { get; init; }
}

/// <summary>What a check looks at.</summary>
public sealed record HealthOptions
{
    /// <summary>Also count the keys of all 16384 slots on every master, to find those on a node that does not own them.</summary>
    public bool Deep { get; init; }

    /// <summary>Replicas that every master with slots must have, 0 or more.</summary>
    public int MinimumReplica { get; init; }
}
