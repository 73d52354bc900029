using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace RedisClusterOps;

/// <summary>
/// The sessions that <c>Connect-RedisCluster</c> made in a runspace; the last one is the current one. Each runspace has its own.
/// </summary>
internal static class CurrentSession
{
    // Weak keys: parallel runspaces of one process (jobs, ForEach-Object -Parallel) never share a session, and a closed runspace
    // releases its sessions.
    private static readonly ConditionalWeakTable<Runspace, RunspaceSessions> Sessions = new();

    /// <summary>All sessions of this runspace, the newest first.</summary>
    public static IReadOnlyList<RedisClusterSession> All =>
        Runspace.DefaultRunspace is { } runspace && Sessions.TryGetValue(runspace, out var sessions) ? [.. sessions.Known] : [];

    public static RedisClusterSession? Get() =>
        Runspace.DefaultRunspace is { } runspace && Sessions.TryGetValue(runspace, out var sessions) ? sessions.Current : null;

    /// <summary>Gets the session of this runspace with exactly these seeds: its credential and its TLS settings apply.</summary>
    public static RedisClusterSession? Find(string seeds) =>
        All.FirstOrDefault(session => session.ToString().Equals(seeds, StringComparison.OrdinalIgnoreCase));

    public static void Set(RedisClusterSession session)
    {
        var sessions = Sessions.GetOrCreateValue(Runspace.DefaultRunspace);
        sessions.Known.RemoveAll(known => known.ToString() == session.ToString());
        sessions.Known.Insert(0, session);
        sessions.Current = session;
    }

    /// <returns>False if there was no current session.</returns>
    public static bool Clear()
    {
        if (Runspace.DefaultRunspace is not { } runspace || !Sessions.TryGetValue(runspace, out var sessions) || sessions.Current is null)
            return false;
        sessions.Known.Remove(sessions.Current);
        sessions.Current = null;
        return true;
    }

    // The weak table creates it by reflection.
    private sealed class RunspaceSessions
    {
        public List<RedisClusterSession> Known { get; } = [];

        public RedisClusterSession? Current { get; set; }
    }
}
