using System;

namespace RedisClusterOps;

/// <summary>What to do with a key that holds different values on both sides.</summary>
public enum KeyConflictAction
{
    /// <summary>Show it and stop; nothing is overwritten.</summary>
    Stop,

    /// <summary>The source's value wins. The target's is saved to a file first.</summary>
    KeepSource,

    /// <summary>The target's value wins. The source's is saved to a file first.</summary>
    KeepTarget,
}

/// <summary>How slots move whole.</summary>
public enum MoveMethod
{
    /// <summary>By the servers themselves where both ends of a move can, else key by key. Decided before anything starts.</summary>
    Auto,

    /// <summary>By the servers themselves, or not at all.</summary>
    Atomic,

    /// <summary>By MIGRATE.</summary>
    KeyByKey,
}

/// <summary>How keys are moved.</summary>
public sealed record MoveOptions
{
    /// <summary>Keys per MIGRATE, 1 to 100000; 0 lets the time a MIGRATE takes decide (<see cref="MaxStall"/>).</summary>
    public int BatchSize { get; init; }

    /// <summary>
    /// How long one MIGRATE, which blocks both nodes, should take at the most while the batch size is adaptive. Moves of whole slots take about a sixteenth of
    /// it at a time while clients use one of the nodes, and rest between two breaths where it is less than 5 ms.
    /// </summary>
    public TimeSpan MaxStall { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Keys per second over the whole move; 0 for as fast as it goes.</summary>
    public int MaxKeysPerSecond { get; init; }

    /// <summary>MIGRATE's own timeout: the longest that the source waits for the target without a byte coming or going.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What to do with a key that holds different values on both sides.</summary>
    public KeyConflictAction OnKeyConflict { get; init; } = KeyConflictAction.Stop;

    /// <summary>How slots move whole.</summary>
    public MoveMethod Method { get; init; }

    /// <summary>Source -> target pairs that are at work at once where slots move whole; 0 for all.</summary>
    public int MaxParallel { get; init; }

    /// <summary>Folder for what must not be lost, such as the losing value of a conflict; null for the user's own data folder.</summary>
    public string? JournalPath { get; init; }
}
