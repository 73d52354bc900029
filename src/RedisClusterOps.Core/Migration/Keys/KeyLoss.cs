using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Keys;

/// <summary>The failures of slots whose keys were moved but are not on their owner.</summary>
internal static class KeyLoss
{
    /// <summary>The failure of a slot whose keys the owner has evicted since they arrived.</summary>
    public static RedisOperationException Evicted(ClusterNode owner, int slot, long missing, long moved, long evicted) =>
        Missing(owner, SlotSet.From([slot]), missing, moved, Evictions(owner, evicted), evicted);

    /// <summary>The failure of slots whose owner lacks keys that were moved.</summary>
    public static RedisOperationException Missing(ClusterNode target, SlotSet slots, long missing, long all, string why, long evicted)
    {
        var isOne = slots.Count == 1;
        var text = (isOne ? "Slot " : "Slots ") + Printable.Clean(slots.ToString(), 100) + (isOne ? " belongs to " : " belong to ")
            + target.Name + ", but " + Number(missing) + " of " + Count(all, "key") + (missing == 1 ? " is" : " are")
            + " not there. " + why;
        var note = evicted > 0
            ? "CONFIG SET maxmemory <bytes> or CONFIG SET maxmemory-policy noeviction on " + target.Name
                + ", then restore the keys from their source"
            : "MODULE LIST and the log of " + target.Name + " show what it could not take; restore the keys from a copy";
        return new RedisOperationException(
            FailureCode.KeysMissing, text, Number(slots.Ranges[0].First), new NextAction(NextActionCode.Advice) { Note = note });
    }

    public static string Evictions(ClusterNode node, long evicted) =>
        node.Name + " has evicted " + Count(evicted, "key") + " since the run began.";
}

/// <summary>Counters of a node since its start; null if it does not report them.</summary>
internal sealed record NodeCounters(long? Expired, long? Evicted, long? Calls)
{
    public static NodeCounters Of(ServerFacts facts) =>
        new(facts.Number("expired_keys"), facts.Number("evicted_keys"), facts.ClientCalls);

    /// <summary>The growth of a counter. A restart begins at zero.</summary>
    public static long Since(long? before, long? now) => now is not { } count ? 0
        : count >= (before ?? 0) ? count - (before ?? 0) : count;
}
