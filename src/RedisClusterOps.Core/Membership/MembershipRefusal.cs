using System;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>Why members or roles can't be changed. The message names the change and the reason. Nothing was changed yet.</summary>
internal static class MembershipRefusal
{
    /// <param name="code">The reason as a code.</param>
    /// <param name="change">What can't be done, such as <c>10.0.0.1:6379 can't be removed</c>.</param>
    /// <param name="why">The reason, as a clause.</param>
    /// <param name="subject">The node, or the address, that it is about.</param>
    /// <param name="next">What to do about it.</param>
    /// <param name="cause">The failure that is the reason; null if there is none.</param>
    public static RedisOperationException Of(
        FailureCode code, string change, string why, string subject, NextAction? next, Exception? cause = null) =>
        new(code, change + ": " + why + ". Nothing was changed.", subject, next, cause) { ConcernsOneNode = true };

    public static RedisOperationException Unsuitable(string change, string why, ClusterNode node, NextAction next) =>
        Of(FailureCode.NodeUnsuitable, change, why, node.Name, next);

    public static RedisOperationException NotEmpty(string change, string why, ClusterNode node, NextAction next) =>
        Of(FailureCode.NodeNotEmpty, change, why, node.Name, next);

    /// <summary>
    /// Requires that no key is lost with the node's data: a master without slots holds no key, and a replica has synchronized with its
    /// master.
    /// </summary>
    /// <exception cref="RedisOperationException">NodeNotEmpty.</exception>
    public static void RequireNoUniqueKeys(ClusterNode node, string change)
    {
        if (node.View!.KeyCount is 0 || (!node.IsMaster && !node.View.Facts.HasNeverSynchronized))
            return;
        var held = node.View.KeyCount is { } keys ? Count(keys, "key") : "an unknown number of keys";
        var why = node.IsMaster ? "it owns no slot, but holds " : "it has never synchronized with its master, and holds ";
        throw NotEmpty(change, why + held + ", which may exist nowhere else", node, CheckDeep);
    }

    /// <summary>The check that finds keys that a node holds and does not own.</summary>
    public static NextAction CheckDeep => new(NextActionCode.CheckCluster) { Options = NextActionOptions.Deep };
}
