namespace RedisClusterOps;

/// <summary>What a check looks at.</summary>
public sealed record HealthOptions
{
    /// <summary>Also count the keys of all 16384 slots on every master, to find those on a node that does not own them.</summary>
    public bool Deep { get; init; }

    /// <summary>Replicas that every master with slots must have, 0 or more.</summary>
    public int MinimumReplica { get; init; }
}
