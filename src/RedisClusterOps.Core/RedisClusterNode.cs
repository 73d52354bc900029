using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>The role of a node.</summary>
public enum RedisNodeRole : long
{
    /// <summary>It owns slots or can own slots.</summary>
    Master,

    /// <summary>It replicates a master.</summary>
    Replica,
}

/// <summary>The state of a node, from the other nodes' reports and from whether it answers this module.</summary>
public enum RedisNodeState : long
{
    /// <summary>It answers, and no node reports a problem.</summary>
    Ok,

    /// <summary>At least one node can't reach it, but the cluster has not marked it as failed.</summary>
    PFail,

    /// <summary>The cluster has marked it as failed.</summary>
    Fail,

    /// <summary>It is in handshake with the cluster.</summary>
    Handshake,

    /// <summary>No node knows its address.</summary>
    NoAddress,

    /// <summary>The cluster reports no problem, but the node does not answer this module.</summary>
    Unreachable,
}

/// <summary>
/// One node of the cluster with its share of slots, its load and its replication. Numbers that the node did not report are null.
/// </summary>
public sealed record RedisClusterNode : IClusterResult
{
    /// <summary>Forty hexadecimal digits.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Announced host or address.</summary>
    public string Host { get; init; } = string.Empty;

    /// <summary>Announced port.</summary>
    public int Port { get; init; }

    /// <summary><c>host:port</c> as announced.</summary>
    public string Endpoint { get; init; } = string.Empty;

    /// <summary>
    /// Master or replica, as the node itself reports if it answered; null for a node in handshake, which has no role yet.
    /// </summary>
    public RedisNodeRole? Role { get; init; }

    /// <summary><c>host:port</c> of the master that it replicates; null for a master.</summary>
    public string? Master { get; init; }

    /// <summary>Id of the master that it replicates; null for a master.</summary>
    public string? MasterId { get; init; }

    /// <summary>The state.</summary>
    public RedisNodeState State { get; init; }

    /// <summary><c>connected</c>, or <c>disconnected</c> if another node's bus link to it is down.</summary>
    public string LinkState { get; init; } = string.Empty;

    /// <summary>Its config epoch. Of two claims to a slot the one with the higher epoch wins.</summary>
    public long ConfigEpoch { get; init; }

    /// <summary>How many slots it owns, 0 to 16384.</summary>
    public int SlotCount { get; init; }

    /// <summary>The slots it owns, as <c>a-b</c> or <c>a</c>.</summary>
    public IReadOnlyList<string> SlotRanges { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>Keys it holds in all databases, strays included.</summary>
    public long? KeyCount { get; init; }

    /// <summary>Bytes in use (used_memory).</summary>
    public long? UsedMemory { get; init; }

    /// <summary>The limit in bytes (maxmemory); 0 for no limit.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>Commands per second now, as the server counts them.</summary>
    public long? OpsPerSecond { get; init; }

    /// <summary>
    /// Processor use in percent of one core, measured over a fraction of a second. Null in a check if the node did not seem busy.
    /// </summary>
    public double? CpuPercent { get; init; }

    /// <summary>Bytes of the replication stream produced (master) or processed (replica).</summary>
    public long? ReplicationOffset { get; init; }

    /// <summary>Bytes that a replica is behind its master; for a master, of its slowest replica.</summary>
    public long? ReplicationLag { get; init; }

    /// <summary><c>up</c> or <c>down</c> for a replica; null for a master.</summary>
    public string? MasterLinkStatus { get; init; }

    /// <summary>Bytes of the replication backlog.</summary>
    public long? BacklogSize { get; init; }

    /// <summary>Endpoints of its replicas.</summary>
    public IReadOnlyList<string> Replicas { get; init => field = value.Shown(); } = ShownList<string>.Empty;

    /// <summary>How many replicas it has.</summary>
    public int ReplicaCount => Replicas.Count;

    /// <summary>The server that it runs.</summary>
    public ServerEngine Engine { get; init; }

    /// <summary>Version of that server.</summary>
    public string? Version { get; init; }

    /// <summary>Why it did not answer; null if it did.</summary>
    public string? Trouble { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>The endpoint, so that a list of nodes is readable.</summary>
    public override string ToString() => Endpoint;
}
