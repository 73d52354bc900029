using System;

namespace RedisClusterOps;

/// <summary>The outcome of a change of a node.</summary>
public enum NodeChangeOutcome : long
{
    /// <summary>The node was changed, and every node reports it.</summary>
    Changed,

    /// <summary>There was nothing to do: every node reports it already.</summary>
    Skipped,
}

/// <summary>The result of a change of one node: another master, a promotion, or its removal.</summary>
public sealed record RedisNodeChange : IClusterResult
{
    /// <summary>The operation, such as <c>SetReplica</c>.</summary>
    public string Operation { get; init; } = string.Empty;

    /// <summary><c>host:port</c> of the node, or its short id if its address is unknown.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Id of the node.</summary>
    public string? NodeId { get; init; }

    /// <summary>The outcome.</summary>
    public NodeChangeOutcome Outcome { get; init; }

    /// <summary>What the node was, such as <c>replica of 127.0.0.1:7002</c>.</summary>
    public string Before { get; init; } = string.Empty;

    /// <summary>What the node is now.</summary>
    public string After { get; init; } = string.Empty;

    /// <summary>The change in one text, with its notes.</summary>
    public string Change => (Outcome == NodeChangeOutcome.Skipped ? After : After + ", was " + Before)
        + (Reason is null ? string.Empty : ". " + Reason);

    /// <summary>The number of nodes that confirmed the change.</summary>
    public int ConfirmedBy { get; init; }

    /// <summary>Notes, such as nodes that could not be asked; null if there are none.</summary>
    public string? Reason { get; init; }

    /// <summary>The duration.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Id of the run in the journal; null if nothing was sent.</summary>
    public string? MigrationId { get; init; }

    /// <summary>The cluster.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Such as <c>127.0.0.1:7004 replica of 127.0.0.1:7001 Changed</c>.</summary>
    public override string ToString() => Node + " " + After + " " + Outcome;
}
