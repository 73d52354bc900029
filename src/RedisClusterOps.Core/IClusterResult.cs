namespace RedisClusterOps;

/// <summary>A result that belongs to a cluster.</summary>
/// <remarks>
/// The session is no public property of a result: JSON writes all of them, with the settings of the session in each. The front end shows
/// the name of the cluster in its place.
/// </remarks>
public interface IClusterResult
{
    /// <summary>The cluster it belongs to; null if it is unknown.</summary>
    RedisClusterSession? Cluster { get; }
}
