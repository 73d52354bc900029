using System.Collections.Generic;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>The reply of one node to a command.</summary>
public sealed record RedisCommandReply
{
    /// <summary><c>host:port</c> of the node.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Its id.</summary>
    public string NodeId { get; init; } = string.Empty;

    /// <summary>
    /// The reply: a string, a 64-bit integer, a floating-point number, true or false, a list or a dictionary of these, or null. Bytes that
    /// are no text are quoted with \xHH.
    /// </summary>
    public object? Reply { get; init; }

    /// <summary>The reply as lines of text, or the error as redis-cli shows it.</summary>
    public string Text { get; init; } = string.Empty;

    /// <summary>The error of the node, or why it did not answer; null if it replied.</summary>
    public string? Error { get; init; }

    /// <summary>The cluster.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>Its text.</summary>
    public override string ToString() => Text;
}

/// <summary>A command, the nodes that it is for, and whether it only reads. It is not sent yet.</summary>
public sealed record RedisNodeCommand
{
    /// <summary>The command for a prompt. It shows no password, no value and no script.</summary>
    public string Text { get; init; } = string.Empty;

    /// <summary>True if every node that answers flags it as readonly, or it is known to only read.</summary>
    public bool OnlyReads { get; init; }

    /// <summary>The nodes, ordered by address.</summary>
    public IReadOnlyList<RedisClusterNode> Nodes { get; init; } = [];

    internal CommandLine? Line { get; init; }

    internal ClusterView? View { get; init; }
}
