using System;
using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>
/// What to do with a key that has different values on two nodes. The value in use is the one that clients read now: the slot owner's.
/// </summary>
public enum KeyConflictAction : long
{
    /// <summary>Stop and report the key. Nothing is overwritten.</summary>
    Stop,

    /// <summary>Keep the value in use. The other value is saved to a file first.</summary>
    KeepInUse,

    /// <summary>Keep the other value. The value in use is saved to a file first.</summary>
    KeepOther,
}

/// <summary>How whole slots are moved.</summary>
public enum MoveMethod : long
{
    /// <summary>By the servers themselves if both ends support it, otherwise key by key. Decided before anything starts.</summary>
    Auto,

    /// <summary>By the servers themselves only.</summary>
    Atomic,

    /// <summary>Key by key, by MIGRATE.</summary>
    KeyByKey,
}

/// <summary>How keys are moved.</summary>
public sealed record MoveOptions
{
    /// <summary>The number of keys per MIGRATE, 1 to 100000. The default is 0, which adapts it to <see cref="MaxStall"/>.</summary>
    public int BatchSize { get; init; }

    /// <summary>
    /// The longest that a client of the nodes should wait because of the move. While clients use one of the nodes, batches are much
    /// shorter, and the pauses between them follow what a probe waits. A fixed <see cref="BatchSize"/> is not adapted. The default is
    /// 10 ms.
    /// </summary>
    public TimeSpan MaxStall { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The most keys per second over the whole move. The default is 0, no limit.</summary>
    public int MaxKeysPerSecond { get; init; }

    /// <summary>The timeout of MIGRATE: how long the source waits while no byte is transferred. The default is 60 seconds.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What to do with a key that has different values on two nodes.</summary>
    public KeyConflictAction OnKeyConflict { get; init; } = KeyConflictAction.Stop;

    /// <summary>How whole slots are moved.</summary>
    public MoveMethod Method { get; init; }

    /// <summary>The most pairs of masters that move whole slots at the same time. The default is 0, which means 16.</summary>
    public int MaxParallel { get; init; }

    /// <summary>True to keep a master that loses its last slot a master: servers may turn it into a replica otherwise.</summary>
    public bool KeepEmptyMaster { get; init; }

    /// <summary>
    /// The time, UTC, after which a run of many slots begins with no further slot. Slots that are open then are finished. Null for no
    /// limit.
    /// </summary>
    public DateTime? Until { get; init; }

    /// <summary>The folder of the journal and of saved values; null for the user's data folder.</summary>
    public string? JournalPath { get; init; }
}

/// <summary>How keys return that have already moved.</summary>
public enum UndoStrategy : long
{
    /// <summary>Complete the migration, then migrate the whole slot back. No read fails. Every key is moved once or twice.</summary>
    RoundTrip,

    /// <summary>
    /// Close the slot on the source and move the keys back. Fewer keys are moved. But until a key is back, clients read it as missing, and
    /// a client that writes it meanwhile creates a second copy.
    /// </summary>
    PullBack,
}

/// <summary>What a repair may change and decide.</summary>
public sealed record RepairOptions
{
    /// <summary>Only these slots, 0 to 16383; null for all slots, including those of which a master holds stray keys.</summary>
    public IReadOnlyCollection<int>? Slots { get; init; }

    /// <summary>
    /// True to repair without a master that does not answer: its slots are assigned to others, and a migration to it is closed. When it
    /// returns, it deletes its keys of the slots that were assigned to others.
    /// </summary>
    public bool AllowUnreachableNode { get; init; }

    /// <summary>True to skip slots without an owner.</summary>
    public bool SkipCoverage { get; init; }

    /// <summary>
    /// The owner of a slot for which the state of the cluster does not decide it: id, unique id prefix or <c>host:port</c>.
    /// Null to refuse such a slot.
    /// </summary>
    public string? Target { get; init; }
}
