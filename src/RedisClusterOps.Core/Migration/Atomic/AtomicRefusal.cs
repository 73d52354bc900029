using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>What a server's error means: the reply to a rejected command, or the message of a failed task.</summary>
/// <param name="Code">The code of the failure.</param>
/// <param name="Passes">True if waiting helps.</param>
/// <param name="Lasts">True if retrying can't help.</param>
/// <param name="Next">What to do next; null if only moving key by key is left.</param>
internal sealed record AtomicRefusal(FailureCode Code, bool Passes, bool Lasts, NextAction? Next)
{
    public static AtomicRefusal Of(string error)
    {
        // Another task, or a node that is still starting. Redis reports another task as "overlapping import exists", Valkey as "already
        // migrating slot".
        if (Says(error, "already in progress") || Says(error, "overlapping import exists") || Says(error, "already migrating slot")
            || Says(error, "Trim job in progress") || Says(error, "NOTREADY") || Says(error, "CLUSTERDOWN") || Says(error, "LOADING"))
            return new AtomicRefusal(FailureCode.AnotherToolAtWork, true, false, null);
        if (Says(error, "must be STABLE") || Says(error, "being manually"))
        {
            return new AtomicRefusal(FailureCode.SlotStateUnsuitable, false, true, new NextAction(NextActionCode.ShowOpenSlots)
            {
                Note = "every open slot of the two nodes has to be completed or undone first",
            });
        }

        if (Says(error, "NOPERM"))
            return new AtomicRefusal(FailureCode.PermissionDenied, false, true, ServerErrors.NextOf(FailureCode.PermissionDenied));
        if (Says(error, "NOAUTH") || Says(error, "WRONGPASS") || Says(error, "invalid password") || Says(error, "auth command"))
        {
            return new AtomicRefusal(FailureCode.AuthenticationFailed, false, true, new NextAction(NextActionCode.Advice)
            {
                Note = "CONFIG GET masterauth and masteruser (Valkey: primaryauth, primaryuser): the nodes log in to each other with these",
            });
        }

        if (Says(error, "not allowed on replica") || Says(error, "only be used on primary") || Says(error, "only be used on master"))
            return new AtomicRefusal(FailureCode.StalePlan, false, true, new NextAction(NextActionCode.ShowNodes));
        // During a failover a node cancels its tasks. The next attempt reads first whether it is still a master.
        if (Says(error, "manual failover") || Says(error, "switching to replica"))
            return new AtomicRefusal(FailureCode.StalePlan, false, false, new NextAction(NextActionCode.ShowNodes));
        if (Says(error, "unknown node"))
            return new AtomicRefusal(FailureCode.ClusterViewConflict, false, true, new NextAction(NextActionCode.CheckCluster));
        // Every attempt reads the owners first, so they have changed since. The next attempt reads them again.
        if (Says(error, "not served by this node") || Says(error, "already the owner") || Says(error, "different source nodes")
            || Says(error, "has no owner") || Says(error, "has no node served") || Says(error, "multiple shards"))
            return new AtomicRefusal(FailureCode.SlotNotOwned, false, false, new NextAction(NextActionCode.ShowNodes));
        var unknown = Says(error, "unknown command") || Says(error, "unknown subcommand");
        return new AtomicRefusal(FailureCode.ServerError, false, unknown, null);
    }

    private static bool Says(string error, string part) => ServerErrors.Contains(error, part);
}

/// <summary>Texts about atomic migrations.</summary>
internal static class AtomicText
{
    public static readonly NextAction KeyByKey = new(NextActionCode.Repeat)
    {
        Options = NextActionOptions.KeyByKey, Note = "which does not use the servers' own migration",
    };

    /// <summary>Such as <c>slot 5</c> or <c>10 slots (0-9)</c>. Of hundreds of ranges only the first few are named.</summary>
    public static string Of(SlotSet slots)
    {
        var some = string.Join(",", slots.Ranges.Take(8)) + (slots.Ranges.Count > 8 ? ",…" : string.Empty);
        return (slots.Count == 1 ? "slot " : Number(slots.Count) + " slots (") + some + (slots.Count == 1 ? string.Empty : ")");
    }

    public static RedisOperationException Failed(FailureCode code, string why, NextAction? next) => new(code, why, null, next);

    /// <summary>
    /// Why a task failed or was cancelled. The nodes log in to each other by their own settings, which the user does not see.
    /// </summary>
    public static string Why(AtomicTask ended, ClusterNode host)
    {
        var what = host.Name + " reports that the task " + (ended.End == AtomicEnd.Cancelled ? "was cancelled" : "failed")
            + (ended.Message.Length == 0 ? string.Empty : ": " + ended.Message);
        return AtomicRefusal.Of(ended.Message).Code is FailureCode.AuthenticationFailed or FailureCode.PermissionDenied
            ? what.TrimEnd('.') + ". This concerns the user name and password that the nodes use for each other, not yours"
            : what;
    }

    /// <summary>The owner of the slots according to the two ends.</summary>
    public static string OwnersOf(SlotSet slots, ClusterNode source, ClusterNode target, NodeView? ofSource, NodeView? ofTarget)
    {
        if (ofSource is null && ofTarget is null)
            return "The current owner is unknown: neither node is reachable.";
        var seen = ofTarget ?? ofSource!;
        var moved = slots.Slots.Count(slot => seen.OwnerOf(slot) == target.Id && (ofSource is null || ofSource.OwnerOf(slot) == target.Id));
        var left = slots.Slots.Count(slot => seen.OwnerOf(slot) == source.Id);
        var text = moved == 0 && left == slots.Count ? "no slot was transferred."
            : moved == 0 && left == 0 ? "neither node owns any of them now."
            : moved == slots.Count ? target.Name + " owns all of them now."
            : target.Name + " owns " + Number(moved) + " of them now, " + source.Name + " owns " + Number(left) + ".";
        if (ofSource is null || ofTarget is null)
            return "According to " + (ofTarget is null ? source : target).Name + ", " + text;
        return char.ToUpperInvariant(text[0]) + text.Substring(1);
    }
}
