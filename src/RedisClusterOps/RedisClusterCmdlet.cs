using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>A cmdlet that works on a cluster: the one that -Cluster names, else the current one of this runspace.</summary>
public abstract class RedisClusterCmdlet : RedisCmdlet
{
    /// <summary>
    /// Which cluster: a session of <c>Connect-RedisCluster</c>, <c>host:port[,host:port…]</c>, a <c>redis://</c> or <c>rediss://</c> URL, or a
    /// StackExchange.Redis connection string. Without it the current session is used.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [RedisClusterReference]
    public RedisClusterReference? Cluster { get; set; }

    /// <summary>The session that is named or current; null where neither is.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString.</exception>
    internal RedisClusterSession? FindSession() => Cluster?.Resolve() ?? CurrentSession.Get();

    /// <summary>This invocation's hold on the cluster that is named or current.</summary>
    /// <exception cref="RedisOperationException">NoCluster, InvalidConnectionString.</exception>
    internal RedisCluster Open() => Open(FindSession() ?? throw ErrorRecords.NoCluster());
}
