using System;

namespace RedisClusterOps;

/// <summary>The kinds of findings about a plan.</summary>
public enum PlanFindingCode : long
{
    /// <summary>The target may not have enough memory for the keys.</summary>
    TargetMemory,

    /// <summary>Moving a big key blocks both nodes for longer than the cluster waits for them.</summary>
    BigKey,

    /// <summary>The target may reject what the source sends.</summary>
    VersionMismatch,

    /// <summary>Functions of the source are missing on the target.</summary>
    FunctionMissing,

    /// <summary>MIGRATE would connect to a port with another protocol.</summary>
    TlsMismatch,

    /// <summary>A master that hands over its last slot becomes a replica of the new owner.</summary>
    SourceBecomesReplica,

    /// <summary>The target already holds keys of the slot, although the slot is not open.</summary>
    StrayKeys,

    /// <summary>Other slots of the same nodes are open.</summary>
    OtherOpenSlots,

    /// <summary>The servers could move the slots themselves if no slot of theirs were open. Keys are moved one by one instead.</summary>
    AtomicNotPossible,

    /// <summary>A master without slots takes over none, because that was not requested.</summary>
    EmptyMasterLeftOut,

    /// <summary>A source or target reports that the cluster is down, so no key can be moved now.</summary>
    ClusterDown,

    /// <summary>A node does not report which commands the user may run.</summary>
    RightsUnknown,

    /// <summary>A source or target refuses writes: it has too few replicas, or its last save failed.</summary>
    WritesRefused,

    /// <summary>A replica of a source or target does not answer, and its master waits for it.</summary>
    ReplicaHangs,

    /// <summary>Functions of the source have other code on the target.</summary>
    FunctionDiffers,

    /// <summary>The target's settings do not allow a value as large as a key of the source.</summary>
    KeyTooLarge,

    /// <summary>A module of the source is missing on the target, or older there, so the target can't take the keys of its types.</summary>
    ModuleMissing,

    /// <summary>A node does not let the user list its clients, so runs on other machines are not detected.</summary>
    OtherRunsUnseen,

    /// <summary>Masters without slots were to take over slots, and there is none.</summary>
    NoEmptyMaster,
}

/// <summary>Something to know before a plan is carried out.</summary>
public sealed record PlanFinding
{
    /// <summary>The kind of finding.</summary>
    public PlanFindingCode Code { get; init; }

    /// <summary>How serious it is.</summary>
    public FindingSeverity Severity { get; init; }

    /// <summary>The node (<c>host:port</c>) or the slot that it is about.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>What was found, and its consequence.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The command to run; null if there is none.</summary>
    public string? Advice { get; init; }

    /// <summary>What <see cref="Advice"/> will say, as data; null once it says so.</summary>
    internal NextAction? Next { get; init; }

    // Next is dropped, so that a finding read from a plan file equals the same finding made again.
    internal PlanFinding WithAdvice(Func<NextAction, string> text) => Next is null ? this : this with { Advice = text(Next), Next = null };
}
