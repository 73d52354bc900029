namespace RedisClusterOps;

/// <summary>Which server answers.</summary>
public enum ServerEngine
{
    /// <summary>INFO is not available or names none of the others.</summary>
    Unknown,

    /// <summary>Redis.</summary>
    Redis,

    /// <summary>Valkey.</summary>
    Valkey,

    /// <summary>Microsoft Garnet.</summary>
    Garnet,
}
