using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>What it means that a server does not move slots, by its own words: of a refused command, or of a task that failed.</summary>
/// <param name="Code">The failure's name.</param>
/// <param name="Passes">True where waiting helps.</param>
/// <param name="Lasts">True where trying again can't help.</param>
/// <param name="Next">What to do about it; null where moving key by key is all.</param>
internal sealed record AtomicRefusal(FailureCode Code, bool Passes, bool Lasts, NextAction? Next)
{
    public static AtomicRefusal Of(string error)
    {
        // Another task, or a node that is not up yet. Redis' "overlapping import exists" and Valkey's "already migrating slot" are other tasks too.
        if (Says(error, "already in progress") || Says(error, "overlapping import exists") || Says(error, "already migrating slot")
            || Says(error, "Trim job in progress") || Says(error, "NOTREADY") || Says(error, "CLUSTERDOWN") || Says(error, "LOADING"))
            return new AtomicRefusal(FailureCode.AnotherToolAtWork, true, false, null);
        if (Says(error, "must be STABLE") || Says(error, "being manually"))
            return new AtomicRefusal(FailureCode.SlotStateUnsuitable, false, true, new NextAction(NextActionCode.ShowOpenSlots) { Note = "every open slot of the two nodes has to be completed or undone first" });
        if (Says(error, "NOPERM"))
            return new AtomicRefusal(FailureCode.PermissionDenied, false, true, ServerErrors.NextOf(FailureCode.PermissionDenied));
        if (Says(error, "NOAUTH") || Says(error, "WRONGPASS") || Says(error, "invalid password") || Says(error, "auth command"))
            return new AtomicRefusal(FailureCode.AuthenticationFailed, false, true, new NextAction(NextActionCode.Advice)
            {
                Note = "CONFIG GET masterauth and masteruser (Valkey: primaryauth, primaryuser): the nodes log in to each other with these",
            });
        if (Says(error, "not allowed on replica") || Says(error, "only be used on primary") || Says(error, "only be used on master"))
            return new AtomicRefusal(FailureCode.StalePlan, false, true, new NextAction(NextActionCode.ShowNodes));
        // A node whose replica takes its place ends what it takes part in. Whether it is a master still is read before the next attempt.
        if (Says(error, "manual failover") || Says(error, "switching to replica"))
            return new AtomicRefusal(FailureCode.StalePlan, false, false, new NextAction(NextActionCode.ShowNodes));
        if (Says(error, "unknown node"))
            return new AtomicRefusal(FailureCode.ClusterViewConflict, false, true, new NextAction(NextActionCode.CheckCluster));
        // Who owns the slots is read before every attempt, so it has changed in between: the next reading tells.
        if (Says(error, "not served by this node") || Says(error, "already the owner") || Says(error, "different source nodes") || Says(error, "has no owner")
            || Says(error, "has no node served") || Says(error, "multiple shards"))
            return new AtomicRefusal(FailureCode.SlotNotOwned, false, false, new NextAction(NextActionCode.ShowNodes));
        var unknown = Says(error, "unknown command") || Says(error, "unknown subcommand");
        return new AtomicRefusal(FailureCode.ServerError, false, unknown, null);
    }

    private static bool Says(string error, string part) => ServerErrors.Contains(error, part);
}
