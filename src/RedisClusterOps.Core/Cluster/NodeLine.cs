using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>The flags of one line of CLUSTER NODES.</summary>
[Flags]
internal enum NodeFlags
{
    None = 0,
    Myself = 1,
    Master = 2,
    Replica = 4,
    PFail = 8,
    Fail = 16,
    Handshake = 32,
    NoAddress = 64,
    NoFailover = 128,
}

/// <summary>One line of CLUSTER NODES: what the answering node reports about one node.</summary>
/// <remarks>Only the line of the answering node itself (<see cref="NodeFlags.Myself"/>) contains open slots.</remarks>
internal sealed record NodeLine
{
    /// <summary>Forty hexadecimal digits.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>The announced address; empty if the answering node does not know it yet.</summary>
    public string Host { get; init; } = string.Empty;

    /// <summary>The announced port for the kind of connection that asked (plain or TLS); 0 if unknown.</summary>
    public int Port { get; init; }

    /// <summary>The cluster bus port; 0 if unknown. By default, it is 10000 above the port that MIGRATE dials.</summary>
    public int BusPort { get; init; }

    /// <summary>The announced host name; null if there is none.</summary>
    public string? Hostname { get; init; }

    public NodeFlags Flags { get; init; }

    /// <summary>The id of a replica's master; null for a master.</summary>
    public string? MasterId { get; init; }

    public long ConfigEpoch { get; init; }

    /// <summary>When the pending ping was sent, in milliseconds since 1970 by the answering node's clock; 0 if none is pending.</summary>
    public long PingSent { get; init; }

    /// <summary>When the last pong arrived, likewise; 0 on the node's own line or if there was none. Garnet's unit differs.</summary>
    public long PongReceived { get; init; }

    /// <summary>True if the answering node's cluster bus link to this node is up.</summary>
    public bool Connected { get; init; }

    public SlotSet Slots { get; init; } = SlotSet.Empty;

    /// <summary>The slots that this node migrates, each with the id of the target.</summary>
    public IReadOnlyDictionary<int, string> MigratingTo { get; init; } = NoSlots;

    /// <summary>The slots that this node imports, each with the id of the source.</summary>
    public IReadOnlyDictionary<int, string> ImportingFrom { get; init; } = NoSlots;

    public bool IsMaster => (Flags & NodeFlags.Master) != 0;

    public bool IsReplica => (Flags & NodeFlags.Replica) != 0;

    /// <summary>The announced endpoint; null if it can't be dialled.</summary>
    /// <remarks>
    /// Redis 7.0 announces any text of cluster-announce-ip. Text that can't be a host is rejected, because endpoints appear on terminals
    /// and in commands to copy.
    /// </remarks>
    public NodeEndpoint? Endpoint =>
        Host.Length == 0 || Port == 0 || !Host.All(IsHostCharacter) ? null : new NodeEndpoint(Host, Port);

    // '%' precedes the zone of an IPv6 address.
    private static bool IsHostCharacter(char c) =>
        c is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' or '.' or '-' or '_' or ':' or '%';

    internal static IReadOnlyDictionary<int, string> NoSlots { get; } = new Dictionary<int, string>();
}
