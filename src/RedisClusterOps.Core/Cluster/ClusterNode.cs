using System;

namespace RedisClusterOps.Cluster;

/// <summary>One node of the cluster, as all the views together know it.</summary>
/// <param name="Id">Forty hexadecimal digits.</param>
/// <param name="Announced">The address its peers use; null where nobody knows one.</param>
/// <param name="Line">Its own line where it answered, else the line of a node that knows it.</param>
/// <param name="View">What it said; null where it did not answer.</param>
/// <param name="State">What the others think of it, or that it did not answer us.</param>
/// <param name="Trouble">Why it did not answer; null where it did.</param>
internal sealed record ClusterNode(
    string Id, NodeEndpoint? Announced, NodeLine Line, NodeView? View, RedisNodeState State, string? Trouble)
{
    /// <summary>How it is printed everywhere: its announced address, or its short id where it has none.</summary>
    public string Name => Announced?.ToString() ?? ShortId;

    public string ShortId => Id.Substring(0, Math.Min(8, Id.Length));

    public bool IsMaster => Line.IsMaster;

    public bool IsReachable => View is not null;

    /// <summary>True of a node that owns, imports or may receive slots: a master that answers.</summary>
    public bool IsReachableMaster => IsMaster && IsReachable;
}
