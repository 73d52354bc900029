using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>What the nodes said before anything is written. All that is null is not known, and nothing follows from it.</summary>
/// <param name="View">The cluster that the plan was made from.</param>
/// <param name="Slot">Which slot.</param>
/// <param name="Source">The master that the keys leave.</param>
/// <param name="Target">The master that they go to.</param>
/// <param name="Actions">What is to be done.</param>
internal sealed record PreflightFacts(ClusterView View, int Slot, ClusterNode Source, ClusterNode Target, IReadOnlyList<SlotAction> Actions)
{
    public NodeSettings SourceSettings { get; init; } = NodeSettings.Unknown;

    public NodeSettings TargetSettings { get; init; } = NodeSettings.Unknown;

    /// <summary>The slot's keys on the node that sends them; null where none are to move.</summary>
    public SlotLoad? Load { get; init; }

    /// <summary>True where the servers are to move the slots, without a MIGRATE.</summary>
    public bool IsAtomic { get; init; }

    /// <summary>Bytes that other slots of the same invocation take on the target.</summary>
    public long BytesOfOthers { get; init; }

    /// <summary>Slots that the source has left when all that is planned is done; null where it keeps this one.</summary>
    public int? SlotsLeftOnSource { get; init; }

    /// <summary>Keys of the slot on the target, where nobody has opened the slot.</summary>
    public long? StrayKeys { get; init; }

    /// <summary>Commands of the plan that our user may not run.</summary>
    public IReadOnlyList<DeniedCommand> Denied { get; init; } = [];

    /// <summary>Nodes that do not tell what our user may run.</summary>
    public IReadOnlyList<ClusterNode> RightsUntold { get; init; } = [];

    /// <summary>Who is changing slots at this moment.</summary>
    public OtherTool? OtherTool { get; init; }
}

/// <summary>Many slots between two masters, of which only some are looked at.</summary>
/// <param name="Slots">All of them.</param>
/// <param name="Bytes">What all of them take; null where nobody knows.</param>
/// <param name="IsAtomic">True where the servers are to move them.</param>
/// <param name="SomeAlone">True where some of the pair's slots are not clean, and are moved key by key all the same.</param>
internal sealed record PreflightScope(IReadOnlyList<int> Slots, long? Bytes, bool IsAtomic = false, bool SomeAlone = false);

/// <summary>What a node is set to.</summary>
internal sealed record NodeSettings
{
    public static NodeSettings Unknown { get; } = new();

    /// <summary>How long the others wait for the node before they take it for failing.</summary>
    public TimeSpan? NodeTimeout { get; init; }

    /// <summary>The port that speaks TLS; 0 for none.</summary>
    public long? TlsPort { get; init; }

    /// <summary>The port that does not; 0 for none.</summary>
    public long? PlainPort { get; init; }

    /// <summary>Whether a master without slots becomes a replica.</summary>
    public bool? AllowsReplicaMigration { get; init; }

    /// <summary>Names of the functions that FCALL can call.</summary>
    public IReadOnlyList<string>? Functions { get; init; }
}

/// <summary>How much there is of a slot.</summary>
/// <param name="Bytes">All of it, by the node's own account or estimated by a sample.</param>
/// <param name="BiggestBytes">The biggest key of the sample.</param>
/// <param name="BiggestKey">Its name, printable.</param>
internal sealed record SlotLoad(long? Bytes, long? BiggestBytes, string? BiggestKey);

/// <summary>A command that the server would refuse.</summary>
/// <param name="Node">Where it would go.</param>
/// <param name="User">Ours, or the one that MIGRATE logs in with.</param>
/// <param name="Command">As a person would type it.</param>
/// <param name="Why">In the server's words.</param>
internal sealed record DeniedCommand(ClusterNode Node, string User, string Command, string Why)
{
    /// <summary>It is no right that is missing but the command: a service that administers its clusters itself takes some away.</summary>
    public const string NotThere = "it does not know that command";
}

/// <summary>Somebody else who changes slots now.</summary>
/// <param name="Node">Where it was seen.</param>
/// <param name="Client">Its line of CLIENT LIST.</param>
internal sealed record OtherTool(ClusterNode Node, ClientLine Client);

/// <summary>What is to be known before a plan is carried out.</summary>
/// <param name="Findings">What does not keep it from being carried out.</param>
/// <param name="Refusal">What does; null where nothing does.</param>
internal sealed record PreflightResult(IReadOnlyList<PlanFinding> Findings, RedisOperationException? Refusal);
