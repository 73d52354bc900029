using System;
using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>The kind of an alert.</summary>
public enum AlertCode : long
{
    /// <summary>An open slot has made no progress for longer than the threshold.</summary>
    SlotStuck,

    /// <summary>Slots have no owner, or an owner that is down.</summary>
    SlotUncovered,

    /// <summary>Nodes have reported different owners of a slot for longer than a handover takes.</summary>
    SlotOwnerConflict,

    /// <summary>A node reports that the cluster is down.</summary>
    ClusterStateFail,

    /// <summary>The cluster has marked a node as failed.</summary>
    NodeFail,

    /// <summary>At least one node can't reach a node.</summary>
    NodePFail,

    /// <summary>A node is still in handshake with the cluster.</summary>
    NodeHandshake,

    /// <summary>A node does not answer this module.</summary>
    NodeUnreachable,

    /// <summary>A replica has lost the link to its master.</summary>
    ReplicaLinkDown,

    /// <summary>A replica is far behind its master.</summary>
    ReplicaLag,

    /// <summary>A node has used most of its maxmemory.</summary>
    MemoryPressure,

    /// <summary>A node runs a script or function, and answers nothing else.</summary>
    NodeBusy,

    /// <summary>A node is still loading its data.</summary>
    NodeLoading,

    /// <summary>A node refuses the user name or password that other nodes accept.</summary>
    AuthenticationFailed,

    /// <summary>A node has its maximum of clients and accepts no more.</summary>
    TooManyClients,

    /// <summary>A node answers, but could not be read for another reason.</summary>
    NodeRefused,

    /// <summary>Nodes answer many commands with MOVED, for longer than a client needs to read the slot map again.</summary>
    ClientsRedirected,

    /// <summary>A slot is open, and nothing records since when: no run of the journal, and no earlier check.</summary>
    SlotOpen,
}

/// <summary>A problem that needs attention now: what, since when, what clients see, and what to do next.</summary>
public sealed record RedisClusterAlert : IClusterResult
{
    /// <summary>The kind of alert.</summary>
    public AlertCode Code { get; init; }

    /// <summary>The severity.</summary>
    public FindingSeverity Severity { get; init; }

    /// <summary>The node (<c>host:port</c>), the slots (<c>5519</c>, <c>0-5460</c>) or <c>cluster</c>.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Since when, UTC. For a stuck slot, the time of its last progress.</summary>
    public DateTime Since { get; init; }

    /// <summary>False if the beginning is unknown: the problem has existed since <see cref="Since"/> at least.</summary>
    public bool IsSinceExact { get; init; }

    /// <summary>How long the problem must last before it is an alert; zero if it is an alert immediately.</summary>
    public TimeSpan Threshold { get; init; }

    /// <summary>What was found, for how long, and what clients see.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The command to run next.</summary>
    public string Advice { get; init; } = string.Empty;

    /// <summary>What <see cref="Advice"/> says, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>For a stuck slot, the percentage of its keys that are on the target, 0 to 100; null if it is unknown.</summary>
    public int? PercentComplete { get; init; }

    /// <summary>For a stuck slot, the keys left on the source; null if it is unknown.</summary>
    public long? KeysLeft { get; init; }

    /// <summary>When this was observed, UTC.</summary>
    public DateTime ObservedAt { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Such as <c>Error SlotStuck 5519</c>.</summary>
    public override string ToString() => Severity + " " + Code + " " + Target;
}

/// <summary>The alerts of one check, and why the check could not be recorded.</summary>
/// <param name="Alerts">The active alerts, most severe first; none if all is well.</param>
/// <param name="Failure">Why the check was not recorded in the state file; null if it was, or if there is no state file.</param>
public sealed record AlertOutcome(IReadOnlyList<RedisClusterAlert> Alerts, RedisOperationException? Failure);

/// <summary>When a problem is an alert, and what earlier checks observed.</summary>
public sealed record AlertOptions
{
    /// <summary>How long an open slot may make no progress, above zero. The default is 30 minutes.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The most MOVED replies per second of all nodes together, on average. The default is 10.</summary>
    public double MaxMovedPerSecond { get; init; } = 10;

    /// <summary>The state file, which keeps the observations from one check to the next; null for none.</summary>
    public string? StatePath { get; init; }

    /// <summary>The folder of the journal; null for the user's default.</summary>
    public string? JournalPath { get; init; }

    /// <summary>Alerts of earlier checks.</summary>
    public IReadOnlyList<RedisClusterAlert> PreviousAlerts { get; init; } = [];

    /// <summary>Open slots of earlier checks.</summary>
    public IReadOnlyList<RedisOpenSlot> PreviousOpenSlots { get; init; } = [];

    /// <summary>The traffic of earlier measurements, whose counts of MOVED replies are compared with the present ones.</summary>
    public IReadOnlyList<RedisClusterTraffic> PreviousTraffic { get; init; } = [];
}
