namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>The commands that an application sends.</summary>
internal enum TrafficKind
{
    /// <summary>Only reads.</summary>
    Reads,

    /// <summary>Reads, and writes that replace the value.</summary>
    ReadsAndSets,

    /// <summary>Also counters, commands with several keys, and scripts, whose results depend on the value before.</summary>
    Everything,
}
