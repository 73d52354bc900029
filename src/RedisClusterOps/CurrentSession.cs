using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace RedisClusterOps;

/// <summary>The session that <c>Connect-RedisCluster</c> made current, one per runspace.</summary>
internal static class CurrentSession
{
    // Keyed weakly by runspace: parallel runspaces of one process (jobs, ForEach-Object -Parallel) never see each other's cluster,
    // and a closed runspace takes its session along.
    private static readonly ConditionalWeakTable<Runspace, RedisClusterSession> Sessions = new();

    public static RedisClusterSession? Get() =>
        Runspace.DefaultRunspace is { } runspace && Sessions.TryGetValue(runspace, out var session) ? session : null;

    public static void Set(RedisClusterSession session)
    {
        Clear();
        Sessions.Add(Runspace.DefaultRunspace, session);
    }

    /// <returns>False where none was current.</returns>
    public static bool Clear() => Runspace.DefaultRunspace is { } runspace && Sessions.Remove(runspace);
}
