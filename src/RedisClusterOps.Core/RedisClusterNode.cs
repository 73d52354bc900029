using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>What a node is for.</summary>
public enum RedisNodeRole
{
    /// <summary>Owns slots, or could.</summary>
    Master,

    /// <summary>Copies a master.</summary>
    Replica,
}

/// <summary>How a node is doing, by what the others say of it and by whether it answers us.</summary>
public enum RedisNodeState
{
    /// <summary>It answers, and nobody complains.</summary>
    Ok,

    /// <summary>At least one node can't reach it (its own opinion, not yet the cluster's).</summary>
    PFail,

    /// <summary>The cluster agreed that it is down.</summary>
    Fail,

    /// <summary>It is being introduced to the cluster.</summary>
    Handshake,

    /// <summary>Nobody knows its address.</summary>
    NoAddress,

    /// <summary>The cluster does not complain, but it does not answer us.</summary>
    Unreachable,
}

/// <summary>One node of the cluster with its share of slots, its load and its replication. Numbers that the node did not tell are null.</summary>
public sealed record RedisClusterNode
{
    /// <summary>Forty hexadecimal digits.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Announced host or address.</summary>
    public string Host { get; init; } = string.Empty;

    /// <summary>Announced port.</summary>
    public int Port { get; init; }

    /// <summary><c>host:port</c> as announced.</summary>
    public string Endpoint { get; init; } = string.Empty;

    /// <summary>Master or replica, by its own word where it answered.</summary>
    public RedisNodeRole Role { get; init; }

    /// <summary>Id of the master it copies; null of a master.</summary>
    public string? MasterId { get; init; }

    /// <summary>How it is doing.</summary>
    public RedisNodeState State { get; init; }

    /// <summary><c>connected</c>, or <c>disconnected</c> where another node's bus link to it is down.</summary>
    public string LinkState { get; init; } = string.Empty;

    /// <summary>Its config epoch: of two claims to a slot the higher one wins.</summary>
    public long ConfigEpoch { get; init; }

    /// <summary>How many slots it owns, 0 to 16384.</summary>
    public int SlotCount { get; init; }

    /// <summary>The slots it owns, as <c>a-b</c> or <c>a</c>.</summary>
    public IReadOnlyList<string> SlotRanges { get; init; } = [];

    /// <summary>Keys it holds in all databases, strays included.</summary>
    public long? KeyCount { get; init; }

    /// <summary>Bytes in use (used_memory).</summary>
    public long? UsedMemory { get; init; }

    /// <summary>Bytes allowed (maxmemory); 0 for no limit.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>Commands per second just now, by the server's own count.</summary>
    public long? OpsPerSecond { get; init; }

    /// <summary>Processor use in percent of one core, between two looks a fraction of a second apart. Empty in a check where the node was quiet at a glance.</summary>
    public double? CpuPercent { get; init; }

    /// <summary>Bytes of the replication stream produced (master) or taken in (replica).</summary>
    public long? ReplicationOffset { get; init; }

    /// <summary>Bytes behind: of a replica behind its master, of a master its slowest replica.</summary>
    public long? ReplicationLag { get; init; }

    /// <summary><c>up</c> or <c>down</c> of a replica; null of a master.</summary>
    public string? MasterLinkStatus { get; init; }

    /// <summary>Bytes of the replication backlog.</summary>
    public long? BacklogSize { get; init; }

    /// <summary>Endpoints of its replicas.</summary>
    public IReadOnlyList<string> Replicas { get; init; } = [];

    /// <summary>How many replicas it has.</summary>
    public int ReplicaCount => Replicas.Count;

    /// <summary>Which server it runs.</summary>
    public ServerEngine Engine { get; init; }

    /// <summary>Version of that server.</summary>
    public string? Version { get; init; }

    /// <summary>Why it did not answer; null where it did.</summary>
    public string? Trouble { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>Its endpoint: a list of nodes stays readable.</summary>
    public override string ToString() => Endpoint;
}
