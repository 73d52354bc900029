using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

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
    public RedisClusterReference? Cluster { get; set; }

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

/// <summary>The session that <c>Connect-RedisCluster</c> made current. Each runspace has its own.</summary>
internal static class CurrentSession
{
    // Weak keys: parallel runspaces of one process (jobs, ForEach-Object -Parallel) never share a session, and a closed runspace
    // releases its session.
    private static readonly ConditionalWeakTable<Runspace, RedisClusterSession> Sessions = new();

    public static RedisClusterSession? Get() =>
        Runspace.DefaultRunspace is { } runspace && Sessions.TryGetValue(runspace, out var session) ? session : null;

    public static void Set(RedisClusterSession session)
    {
        Clear();
        Sessions.Add(Runspace.DefaultRunspace, session);
    }

    /// <returns>False if there was no current session.</returns>
    public static bool Clear() => Runspace.DefaultRunspace is { } runspace && Sessions.Remove(runspace);
}
