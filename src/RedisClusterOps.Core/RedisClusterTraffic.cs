using System;
using System.Globalization;

namespace RedisClusterOps;

/// <summary>
/// What one node did in one interval, from two readings of its counters. Rates are per second; the readings themselves are not counted.
/// Null where the server has no such number, or where the node restarted in between.
/// </summary>
public sealed record RedisClusterTraffic : IClusterResult
{
    /// <summary>The end of the interval, UTC; the same for all nodes.</summary>
    public DateTime Time { get; init; }

    /// <summary>The time between the two readings of this node.</summary>
    public TimeSpan Interval { get; init; }

    /// <summary><c>host:port</c> of the node.</summary>
    public string Node { get; init; } = string.Empty;

    /// <summary>Id of the node.</summary>
    public string NodeId { get; init; } = string.Empty;

    /// <summary>Commands, those of replicas and of tools included.</summary>
    public double? OperationsPerSecond { get; init; }

    /// <summary>Bytes that the node received.</summary>
    public double? InputBytesPerSecond { get; init; }

    /// <summary>Bytes that the node sent.</summary>
    public double? OutputBytesPerSecond { get; init; }

    /// <summary>Clients at the end of the interval, this one included.</summary>
    public long? ConnectedClients { get; init; }

    /// <summary>Clients that wait in a blocking command, at the end of the interval.</summary>
    public long? BlockedClients { get; init; }

    /// <summary>Connections that the node rejected in the interval, because of <c>maxclients</c>.</summary>
    public long? RejectedConnections { get; init; }

    /// <summary>MOVED replies: the client has an old slot map, or does not support clusters.</summary>
    public double? MovedPerSecond { get; init; }

    /// <summary>ASK replies: the key is on the target of an open slot, or does not exist.</summary>
    public double? AskPerSecond { get; init; }

    /// <summary>TRYAGAIN replies: the keys of one command are on both ends of an open slot.</summary>
    public double? TryAgainPerSecond { get; init; }

    /// <summary>CLUSTERDOWN replies.</summary>
    public double? ClusterDownPerSecond { get; init; }

    /// <summary>CROSSSLOT replies: the keys of one command belong to several slots.</summary>
    public double? CrossSlotPerSecond { get; init; }

    /// <summary>MOVED replies since the node started, or since its counters were reset.</summary>
    public long? MovedReplies { get; init; }

    /// <summary>Why nothing was measured, or which errors clients get, with the command to run next; null if all is well.</summary>
    public string? Trouble { get; init; }

    /// <summary>The next action of <see cref="Trouble"/>, as data.</summary>
    internal NextAction? Next { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Such as <c>127.0.0.1:7000 2026-01-01T12:00:00Z</c>.</summary>
    public override string ToString() => Node + " " + Time.ToString("s", CultureInfo.InvariantCulture) + "Z";
}
