namespace RedisClusterOps;

/// <summary>What is done to slots or nodes. Results, plan files and the journal show the names of the members.</summary>
public enum MigrationOperation : long
{
    /// <summary>Not one of these: a journal of a later version, or no journal of this module.</summary>
    Unknown,

    /// <summary>Completes the migration of an open slot.</summary>
    Complete,

    /// <summary>Returns slots to the masters that they came from.</summary>
    Undo,

    /// <summary>Opens a slot for a migration.</summary>
    Start,

    /// <summary>Makes both ends of an open slot consistent and leaves it open.</summary>
    Restart,

    /// <summary>Brings a slot to the one safe state that its flags and keys allow.</summary>
    Repair,

    /// <summary>Moves keys of an open slot and leaves it open.</summary>
    MoveKeys,

    /// <summary>Moves whole slots that were selected.</summary>
    Move,

    /// <summary>Moves whole slots to even out the masters.</summary>
    Rebalance,

    /// <summary>Forms a cluster of separate nodes.</summary>
    NewCluster,

    /// <summary>Adds a node to a cluster.</summary>
    AddNode,

    /// <summary>Removes a node from a cluster.</summary>
    RemoveNode,

    /// <summary>Makes a node a replica of a master.</summary>
    SetReplica,

    /// <summary>Promotes a replica.</summary>
    Failover,
}
