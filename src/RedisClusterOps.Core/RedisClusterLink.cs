using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps;

/// <summary>The two ends of a link.</summary>
public enum LinkKind : long
{
    /// <summary>From this machine to a node: commands and replies.</summary>
    ClientToNode,

    /// <summary>From one node to another: the cluster bus.</summary>
    NodeToNode,
}

/// <summary>The state of a link.</summary>
public enum LinkState : long
{
    /// <summary>It is up.</summary>
    Connected,

    /// <summary>It is down: between nodes, because the first node reports it; to a node, because the node does not answer.</summary>
    Disconnected,
}

/// <summary>
/// One link in one direction: round-trip times and losses, or what a node reports about its link to another. Unknown values are null.
/// </summary>
public sealed record RedisClusterLink : IClusterResult
{
    /// <summary>The kind of link.</summary>
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

    /// <summary>The number of round trips tried. It is lower than requested if the node does not answer.</summary>
    public int? Sent { get; init; }

    /// <summary>The number of round trips completed.</summary>
    public int? Received { get; init; }

    /// <summary>
    /// The percentage of round trips lost, 0 to 100. TCP retransmits, so this counts broken connections and replies that did not arrive
    /// within the connect timeout.
    /// </summary>
    public double? Loss { get; init; }

    /// <summary>The shortest round trip, in milliseconds.</summary>
    public double? Min { get; init; }

    /// <summary>The mean of the round trips, in milliseconds.</summary>
    public double? Mean { get; init; }

    /// <summary>99 of 100 round trips took no longer, in milliseconds; of fewer than 100 that is the longest.</summary>
    public double? P99 { get; init; }

    /// <summary>The longest round trip, in milliseconds.</summary>
    public double? Max { get; init; }

    /// <summary>The mean difference between a round trip and the one before, in milliseconds.</summary>
    public double? Jitter { get; init; }

    /// <summary>
    /// Bytes in the node's send queue of the bus link (send-buffer-used); null if the server does not report it (Redis before 7.0, Garnet).
    /// </summary>
    public long? SendQueue { get; init; }

    /// <summary>How long ago the bus link was established, by the node's own clock.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>How long a bus ping has been waiting for its reply; null if none is waiting.</summary>
    public TimeSpan? PingAge { get; init; }

    /// <summary>How long ago the node last received a reply from the other.</summary>
    public TimeSpan? PongAge { get; init; }

    /// <summary>Why it is down, or why nothing was measured; null if all is well.</summary>
    public string? Trouble { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>
    /// Replaces the links between nodes that have no trouble by one: its times and its send queue are the greatest of them.
    /// </summary>
    public static IReadOnlyList<RedisClusterLink> Summarize(IReadOnlyList<RedisClusterLink> links)
    {
        var well = links.Where(link => link is { Kind: LinkKind.NodeToNode, State: LinkState.Connected, Trouble: null }).ToList();
        if (well.Count < 2)
            return links;
        var summary = new RedisClusterLink
        {
            Kind = LinkKind.NodeToNode,
            Source = well.Select(link => link.SourceId).Distinct().Count().ToString(CultureInfo.InvariantCulture) + " nodes",
            Target = well.Count.ToString(CultureInfo.InvariantCulture) + " links",
            State = LinkState.Connected,
            SendQueue = well.Max(link => link.SendQueue),
            Age = well.Min(link => link.Age),
            PingAge = well.Max(link => link.PingAge),
            PongAge = well.Max(link => link.PongAge),
            Cluster = well[0].Cluster,
        };
        return [.. links.Except(well), summary];
    }

    /// <summary>Such as <c>client -> 127.0.0.1:7000 Connected</c>.</summary>
    public override string ToString() => Source + " -> " + Target + " " + State;
}
