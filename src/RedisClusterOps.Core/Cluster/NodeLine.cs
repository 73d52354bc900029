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

/// <summary>One line of CLUSTER NODES: what the node that answered believes about one node.</summary>
/// <remarks>Open flags stand only on the line of the node that answered (<see cref="NodeFlags.Myself"/>).</remarks>
internal sealed record NodeLine
{
    /// <summary>Forty hexadecimal digits.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Address as announced; empty while the node itself or its peers do not know it yet.</summary>
    public string Host { get; init; } = string.Empty;

    /// <summary>Port as announced for the kind of connection that asked (plain or TLS); 0 where unknown.</summary>
    public int Port { get; init; }

    /// <summary>Port of the bus; 0 where none is told. Unless it is set, it is 10000 above the port that the bus and MIGRATE agree on.</summary>
    public int BusPort { get; init; }

    /// <summary>Announced host name; null where there is none.</summary>
    public string? Hostname { get; init; }

    public NodeFlags Flags { get; init; }

    /// <summary>Id of the master of a replica; null of a master.</summary>
    public string? MasterId { get; init; }

    public long ConfigEpoch { get; init; }

    /// <summary>When the answering node sent a ping that has not been answered yet, in milliseconds since 1970 by its own clock; 0 where none is out.</summary>
    public long PingSent { get; init; }

    /// <summary>When the answering node last heard an answer of this node, likewise; 0 of itself and where it never did. Garnet counts otherwise.</summary>
    public long PongReceived { get; init; }

    /// <summary>State of the answering node's own bus link to this node.</summary>
    public bool Connected { get; init; }

    public SlotSet Slots { get; init; } = SlotSet.Empty;

    /// <summary>Slot to id of the node it is being migrated to.</summary>
    public IReadOnlyDictionary<int, string> MigratingTo { get; init; } = NoSlots;

    /// <summary>Slot to id of the node it is being imported from.</summary>
    public IReadOnlyDictionary<int, string> ImportingFrom { get; init; } = NoSlots;

    public bool IsMaster => (Flags & NodeFlags.Master) != 0;

    public bool IsReplica => (Flags & NodeFlags.Replica) != 0;

    /// <summary>Null where the node has no address that could be dialled.</summary>
    /// <remarks>Redis 7.0 announces whatever cluster-announce-ip says. A name that no host can have is none: it would end up in a terminal, and in commands to copy.</remarks>
    public NodeEndpoint? Endpoint => Host.Length == 0 || Port == 0 || !Host.All(IsOfAddress) ? null : new NodeEndpoint(Host, Port);

    // '%' stands before the zone of an IPv6 address.
    private static bool IsOfAddress(char c) => c is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' or '.' or '-' or '_' or ':' or '%';

    internal static IReadOnlyDictionary<int, string> NoSlots { get; } = new Dictionary<int, string>();
}
