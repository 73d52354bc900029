using System;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>One node of the cluster, merged from all views.</summary>
/// <param name="Id">Forty hexadecimal digits.</param>
/// <param name="Announced">The address that the other nodes use; null if it is unknown.</param>
/// <param name="Line">Its own line if it is reachable, otherwise the line of a node that knows it.</param>
/// <param name="View">Its own view; null if it is unreachable.</param>
/// <param name="State">Its state as the other nodes report it, or that it is unreachable from here.</param>
/// <param name="Trouble">Why it is unreachable; null if it is reachable.</param>
internal sealed record ClusterNode(
    string Id, NodeEndpoint? Announced, NodeLine Line, NodeView? View, RedisNodeState State, string? Trouble)
{
    /// <summary>The name in all output: its announced address, or its short id if the address is unknown.</summary>
    public string Name => Announced?.ToString() ?? ShortId;

    public string ShortId => Id.Substring(0, Math.Min(8, Id.Length));

    /// <summary>Why it could not be read, as an exception; null if it is reachable or was not asked.</summary>
    public RedisOperationException? Failure { get; init; }

    /// <summary>True if the node answered, although it refused to be read: it is alive.</summary>
    public bool HasAnswered => IsReachable || (Failure is not null && ServerErrors.IsAnswer(Failure));

    public bool IsMaster => Line.IsMaster;

    public bool IsReachable => View is not null;

    /// <summary>True if the node is a reachable master, and so can own, import or receive slots.</summary>
    public bool IsReachableMaster => IsMaster && IsReachable;
}

/// <summary>A flag on a master's own line: it migrates the slot to, or imports it from, the peer.</summary>
internal readonly record struct OpenFlag(int Slot, string NodeId, bool IsMigrating, string PeerId);
