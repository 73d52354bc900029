using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps;

/// <summary>The severity of a finding.</summary>
public enum FindingSeverity : long
{
    /// <summary>Worth knowing. No action is needed.</summary>
    Information,

    /// <summary>A risk. Nothing fails yet.</summary>
    Warning,

    /// <summary>Clients fail now, or data is at risk.</summary>
    Error,
}

/// <summary>The kind of a finding.</summary>
public enum FindingCode : long
{
    /// <summary>A node does not answer this module.</summary>
    NodeUnreachable,

    /// <summary>The cluster has marked a node as failed.</summary>
    NodeFail,

    /// <summary>At least one node can't reach a node.</summary>
    NodePFail,

    /// <summary>A node is still in handshake with the cluster.</summary>
    NodeHandshake,

    /// <summary>No node knows the address of a node.</summary>
    NodeNoAddress,

    /// <summary>Slots have no owner, or an owner that is down.</summary>
    SlotUncovered,

    /// <summary>A slot's migration is open.</summary>
    SlotOpen,

    /// <summary>Nodes report different owners of a slot.</summary>
    SlotOwnerConflict,

    /// <summary>Two masters have the same config epoch, so the servers could not resolve a conflict between them.</summary>
    EpochCollision,

    /// <summary>A node holds keys of a slot that it does not own.</summary>
    StrayKeys,

    /// <summary>A replica has lost the link to its master.</summary>
    ReplicaLinkDown,

    /// <summary>A replica is far behind its master.</summary>
    ReplicaLag,

    /// <summary>A master has fewer replicas than required.</summary>
    TooFewReplicas,

    /// <summary>A node reports that the cluster is down.</summary>
    ClusterStateFail,

    /// <summary>A node has used most of its maxmemory.</summary>
    MemoryPressure,

    /// <summary>A node uses most of a core.</summary>
    CpuPressure,

    /// <summary>The nodes run different servers or versions.</summary>
    MixedVersions,

    /// <summary>A server-side slot migration is running.</summary>
    AtomicMigrationRunning,

    /// <summary>A node runs a script or function, and answers nothing else. It is alive.</summary>
    NodeBusy,

    /// <summary>A node is still loading its data. It is alive.</summary>
    NodeLoading,

    /// <summary>A node refuses the user name or password that other nodes accept. It is alive.</summary>
    AuthenticationFailed,

    /// <summary>A node has its maximum of clients and accepts no more. It is alive.</summary>
    TooManyClients,

    /// <summary>A node answers, but could not be read for another reason. It is alive.</summary>
    NodeRefused,

    /// <summary>Some nodes do not list a node that others list.</summary>
    NodeNotKnownToAll,

    /// <summary>Nodes list a node at different addresses.</summary>
    AddressConflict,

    /// <summary>Another node answers at the address of a node, as after the loss of its configuration file.</summary>
    IdReplaced,

    /// <summary>A replica has a slot open that its master has not. After a failover the slot would be open.</summary>
    ReplicaFlags,

    /// <summary>A replica runs on the host of its master, although the cluster has other hosts. Both fail together.</summary>
    ReplicaOnMasterHost,
}

/// <summary>A finding of a check: what is wrong, what clients see, and what to do next.</summary>
public sealed record RedisClusterFinding
{
    /// <summary>The kind of finding.</summary>
    public FindingCode Code { get; init; }

    /// <summary>The severity.</summary>
    public FindingSeverity Severity { get; init; }

    /// <summary>
    /// The node (<c>host:port</c>) or the slots (<c>5519</c>, <c>0-5460</c>) it is about; <c>cluster</c> for the whole cluster.
    /// </summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>What was found, and what clients see.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>Such as <c>Error SlotOpen 5519</c>.</summary>
    public override string ToString() => Severity + " " + Code + " " + Target;

    internal static RedisClusterFinding Error(FindingCode code, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = FindingSeverity.Error, Target = target, Message = message, Next = next };

    internal static RedisClusterFinding Warning(FindingCode code, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = FindingSeverity.Warning, Target = target, Message = message, Next = next };

    internal static RedisClusterFinding Information(FindingCode code, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = FindingSeverity.Information, Target = target, Message = message, Next = next };
}

/// <summary>The result of a check of the whole cluster.</summary>
public sealed record RedisClusterHealth : IClusterResult
{
    /// <summary>True if no finding is an error or a warning.</summary>
    public bool Healthy { get; init; }

    /// <summary>The findings, most severe first.</summary>
    public IReadOnlyList<RedisClusterFinding> Findings { get; init => field = value.Shown(); } = ShownList<RedisClusterFinding>.Empty;

    /// <summary>Every node.</summary>
    public IReadOnlyList<RedisClusterNode> Nodes { get; init => field = value.Shown(); } = ShownList<RedisClusterNode>.Empty;

    /// <summary>A line for each master with its slots, keys and replicas, and one with the totals.</summary>
    public IReadOnlyList<string> Summary => HealthSummary.Of(Nodes).Shown();

    /// <summary>Every open slot.</summary>
    public IReadOnlyList<RedisOpenSlot> OpenSlots { get; init => field = value.Shown(); } = ShownList<RedisOpenSlot>.Empty;

    /// <summary>The cluster that was checked.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;
}

/// <summary>What to check.</summary>
public sealed record HealthOptions
{
    /// <summary>
    /// True to also count the keys of all 16384 slots on every master, to find keys of slots that the master does not own.
    /// </summary>
    public bool Deep { get; init; }

    /// <summary>The number of replicas required of every master with slots, 0 or more. The default is 0.</summary>
    public int MinimumReplica { get; init; }
}
