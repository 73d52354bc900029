namespace RedisClusterOps;

/// <summary>The server software of a node.</summary>
public enum ServerEngine : long
{
    /// <summary>Unknown: INFO is not available or names another server.</summary>
    Unknown,

    /// <summary>Redis.</summary>
    Redis,

    /// <summary>Valkey.</summary>
    Valkey,

    /// <summary>Microsoft Garnet.</summary>
    Garnet,
}
