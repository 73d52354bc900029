using System;

namespace RedisClusterOps;

/// <summary>Between whom a link is.</summary>
public enum LinkKind
{
    /// <summary>From this machine to a node: commands and their answers.</summary>
    ClientToNode,

    /// <summary>From one node to another: the cluster bus.</summary>
    NodeToNode,
}

/// <summary>How a link is.</summary>
public enum LinkState
{
    /// <summary>It is up.</summary>
    Connected,

    /// <summary>It is down: of a node to another by the first one's word, of us to a node because it does not answer.</summary>
    Disconnected,
}

/// <summary>One link, in one direction: how long round trips take and how many fail, or what a node tells of its link to another. What nobody told is null.</summary>
public sealed record RedisClusterLink
{
    /// <summary>Between whom.</summary>
    public LinkKind Kind { get; init; }

    /// <summary><c>host:port</c> of the node whose link it is; <c>client</c> for this machine.</summary>
    public string Source { get; init; } = string.Empty;

    /// <summary>Id of that node; null for this machine.</summary>
    public string? SourceId { get; init; }

    /// <summary><c>host:port</c> of the node at the other end.</summary>
    public string Target { get; init; } = string.Empty;

    /// <summary>Id of that node.</summary>
    public string TargetId { get; init; } = string.Empty;

    /// <summary>Whether it is up.</summary>
    public LinkState State { get; init; }

    /// <summary>Round trips that were tried. A node that does not answer is not tried as often as asked.</summary>
    public int? Sent { get; init; }

    /// <summary>Round trips that came back.</summary>
    public int? Received { get; init; }

    /// <summary>Percent that did not, 0 to 100. TCP sends again what a network loses: so this counts connections that broke, and answers that did not come within the connect timeout.</summary>
    public double? Loss { get; init; }

    /// <summary>The shortest round trip, in milliseconds.</summary>
    public double? Min { get; init; }

    /// <summary>The mean of the round trips, in milliseconds.</summary>
    public double? Mean { get; init; }

    /// <summary>99 of 100 round trips took no longer, in milliseconds; of fewer than 100 that is the longest.</summary>
    public double? P99 { get; init; }

    /// <summary>The longest round trip, in milliseconds.</summary>
    public double? Max { get; init; }

    /// <summary>By how much a round trip differs from the one before, on the average, in milliseconds.</summary>
    public double? Jitter { get; init; }

    /// <summary>Bytes that wait in the node to be sent over the bus (send-buffer-used); null where the server does not tell (Redis before 7.0, Garnet).</summary>
    public long? SendQueue { get; init; }

    /// <summary>How long ago the bus link was made, by the node's own clock.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>How long a ping of the bus has been waiting for its answer; null where none is waiting.</summary>
    public TimeSpan? PingAge { get; init; }

    /// <summary>How long ago the node last heard an answer from the other.</summary>
    public TimeSpan? PongAge { get; init; }

    /// <summary>Why it is down, or why nothing was measured; null where all is well.</summary>
    public string? Trouble { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    public RedisClusterSession? Cluster { get; init; }

    /// <summary>Such as <c>client -> 127.0.0.1:7000 Connected</c>.</summary>
    public override string ToString() => Source + " -> " + Target + " " + State;
}
