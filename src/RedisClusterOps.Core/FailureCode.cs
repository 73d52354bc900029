namespace RedisClusterOps;

/// <summary>What went wrong, one stable name per failure. The cmdlets use the name as their error id.</summary>
public enum FailureCode
{
    /// <summary>No cluster was named and no session is current.</summary>
    NoCluster,

    /// <summary>No connection could be made, or an established one was lost or timed out.</summary>
    ConnectionFailed,

    /// <summary>The server refused the user name or password.</summary>
    AuthenticationFailed,

    /// <summary>The server answers, but it does not run in cluster mode.</summary>
    NotAClusterNode,

    /// <summary>The nodes do not agree about who owns a slot, and waiting did not change it.</summary>
    ClusterViewConflict,

    /// <summary>The slot has no open migration that the operation could act on.</summary>
    SlotNotOpen,

    /// <summary>The node named as source does not own the slot.</summary>
    SlotNotOwned,

    /// <summary>The slot is in a state that the operation must not decide by itself.</summary>
    SlotStateUnsuitable,

    /// <summary>A key that was named does not hash to the slot.</summary>
    KeyNotInSlot,

    /// <summary>A node name fits more than one node.</summary>
    AmbiguousNode,

    /// <summary>A node name fits no node of the cluster.</summary>
    NodeNotFound,

    /// <summary>Keys of the slot remain on the node that would lose it.</summary>
    SourceNotEmpty,

    /// <summary>The same key name holds different values on both sides of a migration.</summary>
    KeyExistsOnTarget,

    /// <summary>A MIGRATE did not end within its timeout.</summary>
    KeyMoveTimedOut,

    /// <summary>The target has no memory left for the keys.</summary>
    TargetOutOfMemory,

    /// <summary>The source's MIGRATE speaks TLS and the target has no port that does, or the other way round; or that port is not known.</summary>
    TlsMismatch,

    /// <summary>The user may not run a command that the operation needs.</summary>
    PermissionDenied,

    /// <summary>The cluster changed since the plan was made.</summary>
    StalePlan,

    /// <summary>A node that the operation needs does not answer.</summary>
    NodeUnreachable,

    /// <summary>Another run of this module works on the same cluster.</summary>
    JournalBusy,

    /// <summary>The journal's folder can't be made, read or written.</summary>
    JournalUnavailable,

    /// <summary>The journal has no run of that id, or several whose ids begin so.</summary>
    MigrationNotFound,

    /// <summary>Another tool, or another run of this module elsewhere, changes slots of the same cluster at this moment.</summary>
    AnotherToolAtWork,

    /// <summary>What was asked for can't be: a weight that is none, a replica where a master is needed, more slots than there are.</summary>
    InvalidArgument,

    /// <summary>The file of a plan can't be written or read, or what is in it is no plan.</summary>
    InvalidPlanFile,

    /// <summary>The file that a watcher remembers by can't be written, or is another cluster's.</summary>
    StateFileUnavailable,

    /// <summary>The file of a report can't be written, or is there already and was not to be replaced.</summary>
    ReportNotWritten,

    /// <summary>A connection string or endpoint can't be read.</summary>
    InvalidConnectionString,

    /// <summary>The server answered a command with an error that has no name of its own here.</summary>
    ServerError,

    /// <summary>The server sent bytes that are not the Redis protocol, or more of them than is allowed.</summary>
    ProtocolError,

    /// <summary>The operation was asked to stop, and stopped in a named state.</summary>
    Stopped,
}
