namespace RedisClusterOps;

/// <summary>What a finding of a plan is about.</summary>
public enum PlanFindingCode
{
    /// <summary>The target may have no memory left for the keys.</summary>
    TargetMemory,

    /// <summary>A key is so big that moving it keeps both nodes from answering for longer than the cluster waits for them.</summary>
    BigKey,

    /// <summary>The target may not understand what the source sends.</summary>
    VersionMismatch,

    /// <summary>Functions of the source are not on the target.</summary>
    FunctionMissing,

    /// <summary>MIGRATE would dial a port that does not speak what it speaks.</summary>
    TlsMismatch,

    /// <summary>A master that loses its last slot becomes a replica of the one that gets it.</summary>
    SourceBecomesReplica,

    /// <summary>The target holds keys of the slot already, although nobody has opened it.</summary>
    StrayKeys,

    /// <summary>Other slots of the same nodes are open.</summary>
    OtherOpenSlots,

    /// <summary>The servers could move the slots themselves, but not while a slot of theirs is open; so keys are moved one by one.</summary>
    AtomicNotPossible,

    /// <summary>A master without slots gets none, for nobody asked for it.</summary>
    EmptyMasterLeftOut,

    /// <summary>By the view of an end the cluster is not serving, so no key can be moved at this moment.</summary>
    ClusterDown,

    /// <summary>A node does not let the user ask which commands it may run, so that is not known beforehand.</summary>
    RightsUnknown,
}

/// <summary>One thing to know before a plan is carried out.</summary>
public sealed record PlanFinding
{
    /// <summary>What it is about.</summary>
    public PlanFindingCode Code { get; init; }

    /// <summary>How bad it is.</summary>
    public FindingSeverity Severity { get; init; }

    /// <summary>The node (<c>host:port</c>) or the slot that it is about.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>What was found and what follows from it, in words.</summary>
    public string Message { get; init; } = string.Empty;

    /// <summary>The command to run; null where there is none.</summary>
    public string? Advice { get; init; }
}
