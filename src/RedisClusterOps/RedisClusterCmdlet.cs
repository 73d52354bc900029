using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps;

/// <summary>A cmdlet that uses a cluster: the one that <c>-Cluster</c> specifies, otherwise the current one of this runspace.</summary>
public abstract class RedisClusterCmdlet : RedisCmdlet
{
    /// <summary>
    /// Specifies the cluster: a session of <c>Connect-RedisCluster</c>, <c>host:port[,host:port…]</c>, a <c>redis://</c> or
    /// <c>rediss://</c> URL, or a StackExchange.Redis connection string. The default is the current session.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [RedisClusterReference]
    [ArgumentCompleter(typeof(SessionCompleter))]
    public virtual RedisClusterReference? Cluster { get; set; }

    /// <summary>Gets the specified or current session; null if there is neither.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString.</exception>
    internal RedisClusterSession? FindSession() => Cluster?.Resolve() ?? CurrentSession.Get();

    /// <summary>Gets the specified or current session.</summary>
    /// <exception cref="RedisOperationException">NoCluster, InvalidConnectionString.</exception>
    internal RedisClusterSession GetSession() => FindSession() ?? throw ErrorRecords.NoCluster();

    /// <summary>Opens the specified or current cluster for this invocation.</summary>
    /// <exception cref="RedisOperationException">NoCluster, InvalidConnectionString.</exception>
    internal RedisCluster Open() => Open(GetSession());
}

/// <summary>A cmdlet whose only pipeline input is the cluster: <c>'a:1','b:1' | Get-RedisClusterHealth</c> checks two clusters.</summary>
public abstract class ClusterOnlyCmdlet : RedisClusterCmdlet
{
    /// <summary>
    /// Specifies the cluster: a session of <c>Connect-RedisCluster</c>, <c>host:port[,host:port…]</c>, a <c>redis://</c> or
    /// <c>rediss://</c> URL, a StackExchange.Redis connection string, or any object of this module. The default is the current session.
    /// </summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [RedisClusterReference]
    [ArgumentCompleter(typeof(SessionCompleter))]
    public override RedisClusterReference? Cluster { get; set; }
}
