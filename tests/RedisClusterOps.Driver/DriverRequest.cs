namespace RedisClusterOps.Driver;

/// <summary>The operation that a driver process runs.</summary>
public enum DriverOperation
{
    /// <summary>Completes one slot.</summary>
    Complete,

    /// <summary>Undoes one slot.</summary>
    Undo,

    /// <summary>Repairs one slot, or every slot that needs it.</summary>
    Repair,

    /// <summary>Moves slots to one master.</summary>
    Move,

    /// <summary>Rebalances the cluster.</summary>
    Rebalance,

    /// <summary>Undoes a whole run of the journal.</summary>
    UndoRun,

    /// <summary>Resumes the newest run of the journal that can be resumed.</summary>
    Resume,

    /// <summary>Adds a node, or makes it a replica at once.</summary>
    AddNode,

    /// <summary>Removes a node and resets it.</summary>
    RemoveNode,

    /// <summary>Makes a node a replica.</summary>
    SetReplica,

    /// <summary>Promotes a replica gracefully.</summary>
    FailOver,
}

/// <summary>The command of a change of members or roles at which the process kills itself.</summary>
/// <param name="Number">Which one of the commands that change the cluster, from 1.</param>
/// <param name="IsSent">False to die before it is sent, true to die once the server has run it.</param>
public sealed record DriverDeath(int Number, bool IsSent);

/// <summary>The request to a driver process. It is passed as JSON, the only argument of the process.</summary>
public sealed record DriverRequest
{
    /// <summary>The line on standard output that says that the runtime has started and the operation begins.</summary>
    public const string Ready = "ready";

    /// <summary>The operation.</summary>
    public DriverOperation Operation { get; init; }

    /// <summary>The endpoints to start from, <c>host:port</c> separated by commas.</summary>
    public string Cluster { get; init; } = string.Empty;

    /// <summary>The slot, 0 to 16383; null for every slot of a repair.</summary>
    public int? Slot { get; init; }

    /// <summary>The source of one slot's migration; null for the one that the cluster's flags name.</summary>
    public string? Source { get; init; }

    /// <summary>The target of one slot's migration; null for the one that the cluster's flags name.</summary>
    public string? Target { get; init; }

    /// <summary>How one slot is undone.</summary>
    public UndoStrategy Strategy { get; init; }

    /// <summary>The slots of a move.</summary>
    public SlotSelection Selection { get; init; } = new();

    /// <summary>The aim of a rebalance.</summary>
    public RebalanceOptions Rebalance { get; init; } = new();

    /// <summary>The run that is undone.</summary>
    public string? MigrationId { get; init; }

    /// <summary>The node of a change of members or roles: its address.</summary>
    public string? Node { get; init; }

    /// <summary>The master of which that node becomes a replica; null for none.</summary>
    public string? Master { get; init; }

    /// <summary>When the process kills itself; null for never.</summary>
    public DriverDeath? Death { get; init; }

    /// <summary>How keys and slots move.</summary>
    public MoveOptions Options { get; init; } = new();
}

/// <summary>The outcome of one slot: a line of standard output, as JSON.</summary>
/// <param name="Slot">0 to 16383.</param>
/// <param name="Outcome">The outcome.</param>
public sealed record DriverResult(int Slot, MigrationOutcome Outcome);

/// <summary>A failure or a notice: a line of standard error, as JSON.</summary>
/// <param name="Code">The failure's stable name; null for a notice.</param>
/// <param name="Text">What happened.</param>
/// <param name="NextStep">The command to run next; null if there is none.</param>
public sealed record DriverMessage(string? Code, string Text, string? NextStep);
