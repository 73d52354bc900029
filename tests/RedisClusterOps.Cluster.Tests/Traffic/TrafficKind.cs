namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>What an application does.</summary>
internal enum TrafficKind
{
    /// <summary>Only reads.</summary>
    Reads,

    /// <summary>Reads, and writes that replace what was there.</summary>
    ReadsAndSets,

    /// <summary>Also counters, several keys at once, and scripts: whatever builds on what was there before.</summary>
    Everything,
}
