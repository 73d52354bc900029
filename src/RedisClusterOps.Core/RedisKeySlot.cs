namespace RedisClusterOps;

/// <summary>Where a key lives.</summary>
public sealed record RedisKeySlot
{
    /// <summary>The key as it was given.</summary>
    public string Key { get; init; } = string.Empty;

    /// <summary>The part between braces that alone decides the slot; null where the whole key does.</summary>
    public string? HashTag { get; init; }

    /// <summary>0 to 16383.</summary>
    public int Slot { get; init; }

    /// <summary><c>host:port</c> of the slot's owner; null without a cluster, or where nobody owns the slot.</summary>
    public string? Owner { get; init; }

    /// <summary>The cluster that was asked for the owner; null where none was.</summary>
    public RedisClusterSession? Cluster { get; init; }
}
