using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>What the nodes reported before anything is changed. Null means unknown, and nothing follows from it.</summary>
/// <param name="View">The cluster that the plan was made from.</param>
/// <param name="Slot">The slot.</param>
/// <param name="Source">The source of the keys.</param>
/// <param name="Target">The target of the keys.</param>
/// <param name="Actions">The actions of the plan.</param>
internal sealed record PreflightFacts(ClusterView View, int Slot, ClusterNode Source, ClusterNode Target, IReadOnlyList<SlotAction> Actions)
{
    public NodeSettings SourceSettings { get; init; } = NodeSettings.Unknown;

    public NodeSettings TargetSettings { get; init; } = NodeSettings.Unknown;

    /// <summary>The slot's keys on the node that sends them; null if no keys will move.</summary>
    public SlotLoad? Load { get; init; }

    /// <summary>True if the servers move the slots themselves, without MIGRATE.</summary>
    public bool IsAtomic { get; init; }

    /// <summary>Bytes that other slots of the same invocation will take on the target.</summary>
    public long BytesOfOthers { get; init; }

    /// <summary>Slots left on the node that hands over when all planned moves are done; null if it keeps this one.</summary>
    public int? SlotsLeft { get; init; }

    /// <summary>The masters that take over those slots.</summary>
    public IReadOnlyList<string> Takers { get; init; } = [];

    /// <summary>Keys of the slot on the target although the slot is not open.</summary>
    public long? StrayKeys { get; init; }

    /// <summary>A replica that has never synchronized and holds more keys than the masters; null if there is none.</summary>
    public UnsyncedReplica? Unsynced { get; init; }

    /// <summary>Commands of the plan that the user may not run.</summary>
    public IReadOnlyList<DeniedCommand> Denied { get; init; } = [];

    /// <summary>Nodes that do not report which commands the user may run.</summary>
    public IReadOnlyList<ClusterNode> RightsUnknown { get; init; } = [];

    /// <summary>Nodes that do not list their clients, and so no other run.</summary>
    public IReadOnlyList<ClusterNode> Unseen { get; init; } = [];

    /// <summary>Another tool that is changing slots now.</summary>
    public OtherTool? OtherTool { get; init; }
}

/// <summary>Many slots between two masters, of which only a sample is checked.</summary>
/// <param name="Slots">All of them.</param>
/// <param name="Bytes">The memory of all of them; null if unknown.</param>
/// <param name="IsAtomic">True if the servers move them.</param>
/// <param name="HasKeyByKeySlots">True if some of the pair's slots are moved key by key even so, because they are not stable.</param>
internal sealed record PreflightScope(IReadOnlyList<int> Slots, long? Bytes, bool IsAtomic = false, bool HasKeyByKeySlots = false);

/// <summary>A replica that has never synchronized with its master, as after the promotion of a replica without the data.</summary>
/// <param name="Keys">Keys of the slots on it.</param>
/// <param name="KeysOnMasters">Keys of the slots on source and target.</param>
/// <param name="IsOfMany">True if the counts are of many slots.</param>
internal sealed record UnsyncedReplica(ClusterNode Replica, ClusterNode Master, long Keys, long KeysOnMasters, bool IsOfMany);

/// <summary>Settings and functions of a node.</summary>
internal sealed record NodeSettings
{
    public static NodeSettings Unknown { get; } = new();

    /// <summary>How long the node may be silent before the others flag it as failing.</summary>
    public TimeSpan? NodeTimeout { get; init; }

    /// <summary>The TLS port; 0 for none.</summary>
    public long? TlsPort { get; init; }

    /// <summary>The port without TLS; 0 for none.</summary>
    public long? PlainPort { get; init; }

    /// <summary>Whether a master without slots becomes a replica.</summary>
    public bool? AllowsReplicaMigration { get; init; }

    /// <summary>The functions that FCALL can call, each with the code of its library.</summary>
    public IReadOnlyDictionary<string, string>? Functions { get; init; }

    /// <summary>The largest value that the node accepts in a command (proto-max-bulk-len), in bytes.</summary>
    public long? LargestValue { get; init; }

    /// <summary>The replicas that the node needs to accept writes; 0 for none.</summary>
    public long? MinimumReplicas { get; init; }

    /// <summary>Whether the node refuses writes after a background save that failed.</summary>
    public bool? StopsAfterFailedSave { get; init; }

    /// <summary>The user that the node logs in to other nodes with; empty for the default user.</summary>
    public string? ReplicationUser { get; init; }
}

/// <summary>The memory that a slot's keys take.</summary>
/// <param name="Bytes">All keys, as the node counts them or estimated from a sample.</param>
/// <param name="BiggestBytes">The biggest key of the sample.</param>
/// <param name="BiggestKey">Its name, printable.</param>
internal sealed record SlotLoad(long? Bytes, long? BiggestBytes, string? BiggestKey);

/// <summary>A command that the server would refuse.</summary>
/// <param name="Node">The node that would receive it.</param>
/// <param name="User">Our user, or the one that MIGRATE logs in with.</param>
/// <param name="Command">The command.</param>
/// <param name="Why">The server's words.</param>
internal sealed record DeniedCommand(ClusterNode Node, string User, string Command, string Why)
{
    /// <summary>The command itself is missing, not a right: a managed service renames or removes some commands.</summary>
    public const string UnknownCommand = "it does not know that command";
}

/// <summary>The result of a preflight check.</summary>
/// <param name="Findings">What the user should know; the plan can be carried out.</param>
/// <param name="Refusal">Why the plan can't be carried out; null if it can.</param>
internal sealed record PreflightResult(IReadOnlyList<PlanFinding> Findings, RedisOperationException? Refusal);
