namespace RedisClusterOps;

/// <summary>The kinds of failure. The names are stable; the cmdlets use them as error ids.</summary>
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

    /// <summary>The nodes do not agree about the owner of a slot, and waiting did not change it.</summary>
    ClusterViewConflict,

    /// <summary>The slot has no open migration that the operation could act on.</summary>
    SlotNotOpen,

    /// <summary>The node named as source does not own the slot.</summary>
    SlotNotOwned,

    /// <summary>The operation must not act on a slot in this state.</summary>
    SlotStateUnsuitable,

    /// <summary>A named key does not hash to the slot.</summary>
    KeyNotInSlot,

    /// <summary>A node name matches more than one node.</summary>
    AmbiguousNode,

    /// <summary>A node name matches no node of the cluster.</summary>
    NodeNotFound,

    /// <summary>Keys of the slot remain on the node that would lose it.</summary>
    SourceNotEmpty,

    /// <summary>A key has different values on the source and the target of a migration.</summary>
    KeyExistsOnTarget,

    /// <summary>A MIGRATE did not complete within its timeout.</summary>
    KeyMoveTimedOut,

    /// <summary>The target has no memory left for the keys.</summary>
    TargetOutOfMemory,

    /// <summary>
    /// The source's MIGRATE uses TLS and the target has no TLS port, or the opposite; or the port is unknown.
    /// </summary>
    TlsMismatch,

    /// <summary>The user may not run a command that the operation needs.</summary>
    PermissionDenied,

    /// <summary>The cluster changed since the plan was made.</summary>
    StalePlan,

    /// <summary>A node that the operation needs does not answer.</summary>
    NodeUnreachable,

    /// <summary>Another run of this module is changing the same cluster.</summary>
    JournalBusy,

    /// <summary>The journal's folder can't be created, read or written.</summary>
    JournalUnavailable,

    /// <summary>The journal has no run with that id, or several whose ids begin with it.</summary>
    MigrationNotFound,

    /// <summary>Another tool, or another run of this module elsewhere, is changing slots of the same cluster.</summary>
    AnotherToolAtWork,

    /// <summary>
    /// An argument is invalid: not a weight, a replica instead of a master, or more slots than exist.
    /// </summary>
    InvalidArgument,

    /// <summary>The file of a plan can't be written or read, or does not contain a plan.</summary>
    InvalidPlanFile,

    /// <summary>The state file of alerts can't be written, or belongs to another cluster.</summary>
    StateFileUnavailable,

    /// <summary>The file of a report can't be written, or already exists and must not be replaced.</summary>
    ReportNotWritten,

    /// <summary>A connection string or endpoint is invalid.</summary>
    InvalidConnectionString,

    /// <summary>The server replied with an error that has no code of its own here.</summary>
    ServerError,

    /// <summary>The server sent bytes that are not the Redis protocol.</summary>
    ProtocolError,

    /// <summary>The operation was stopped, and left the slot in a known state.</summary>
    Stopped,

    /// <summary>The node runs a script, a function or a module command, and answers nothing else. It is alive.</summary>
    NodeBusy,

    /// <summary>The node is still loading its data. It is alive.</summary>
    NodeLoading,

    /// <summary>The node has its maximum of clients and accepts no more. It is alive.</summary>
    TooManyClients,

    /// <summary>The node refuses writes: MISCONF, NOREPLICAS, OOM or READONLY.</summary>
    WritesRefused,

    /// <summary>A reply exceeds a limit of this module: bytes, elements or nesting. The node is reachable.</summary>
    ReplyTooLarge,

    /// <summary>The target can't take a key: its type needs a module, or its value is too large or of a newer format.</summary>
    KeyRefused,

    /// <summary>Keys of a slot that was moved are not on its new owner: they were evicted, or it could not take them.</summary>
    KeysMissing,

    /// <summary>A module of the source is missing on the target, which therefore can't take the keys of its types.</summary>
    ModuleMissing,

    /// <summary>A node that has to be empty holds keys or slots.</summary>
    NodeNotEmpty,

    /// <summary>A node belongs to another cluster, or is not in the state that the operation needs.</summary>
    NodeUnsuitable,

    /// <summary>The nodes did not confirm a change of members or roles in time.</summary>
    ChangeNotConfirmed,

    /// <summary>A command of the user was not sent: another operation does it safely, or it has no single reply.</summary>
    CommandRefused,

    /// <summary>The module failed in a way that it does not foresee. The inner exception has the details.</summary>
    Unexpected,
}
