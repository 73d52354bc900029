using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Membership;

/// <summary>One command of a change of members or roles.</summary>
/// <param name="Node">The node that receives it.</param>
/// <param name="Command">The command.</param>
/// <param name="Why">Why it is needed.</param>
internal sealed record MembershipStep(ClusterNode Node, RespCommand Command, string Why)
{
    /// <summary>What has to be true before the command is sent; null for nothing.</summary>
    public Condition? After { get; init; }

    /// <summary>True for an error which says that the command has its effect already; null if no error says that.</summary>
    public Func<string, bool>? IsDoneBy { get; init; }
}

/// <summary>A condition on the whole cluster that gossip or replication makes true.</summary>
/// <param name="view">What the nodes report now.</param>
/// <returns>What is missing; null if the condition is true.</returns>
internal delegate Missing? Condition(ClusterView view);

/// <summary>What a condition still lacks.</summary>
/// <param name="Text">A clause such as <c>127.0.0.1:7003 does not list 127.0.0.1:7004 yet</c>. It changes as long as there is
/// progress.</param>
/// <param name="Next">What to do if that lasts; null to run the same command again.</param>
internal sealed record Missing(string Text, NextAction? Next = null)
{
    /// <summary>Commands to send again, because gossip or the server has undone them.</summary>
    public IReadOnlyList<MembershipStep> Again { get; init; } = [];

    /// <summary>How long to wait before they are sent again.</summary>
    public TimeSpan AgainAfter { get; init; }
}

/// <summary>Conditions.</summary>
internal static class Conditions
{
    /// <summary>All conditions; the first one that is not true yet is reported.</summary>
    public static Condition All(params Condition?[] conditions) => view =>
    {
        foreach (var condition in conditions)
        {
            if (condition?.Invoke(view) is { } missing)
                return missing;
        }

        return null;
    };
}
