using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>How a move by the servers is spoken of.</summary>
internal static class AtomicText
{
    public static readonly NextAction KeyByKey = new(NextActionCode.Repeat)
    {
        Options = NextActionOptions.KeyByKey, Note = "which does not use the servers' own migration",
    };

    public static string Of(SlotSet slots)
    {
        // A share of a large cluster may be hundreds of ranges.
        var some = string.Join(",", slots.Ranges.Take(8)) + (slots.Ranges.Count > 8 ? ",…" : string.Empty);
        return (slots.Count == 1 ? "slot " : Number(slots.Count) + " slots (") + some + (slots.Count == 1 ? string.Empty : ")");
    }

    public static RedisOperationException Failed(FailureCode code, string why, NextAction? next) => new(code, why, null, next);

    /// <summary>Why a task that ended otherwise than well ended so. The nodes log in to each other, and the person at the keyboard can't see as whom.</summary>
    public static string Why(AtomicTask ended, ClusterNode host)
    {
        var what = host.Name + " says that it " + (ended.End == AtomicEnd.Cancelled ? "was cancelled" : "failed") + (ended.Message.Length == 0 ? string.Empty : ": " + ended.Message);
        return AtomicRefusal.Of(ended.Message).Code is FailureCode.AuthenticationFailed or FailureCode.PermissionDenied
            ? what.TrimEnd('.') + ". That is about the user and password that the nodes themselves log in to each other with, not yours"
            : what;
    }

    /// <summary>Who owns the slots now, as far as the two ends tell.</summary>
    public static string WhoOwns(SlotSet slots, ClusterNode source, ClusterNode target, NodeView? ofSource, NodeView? ofTarget)
    {
        if (ofSource is null && ofTarget is null)
            return "Who owns them now can't be said, for neither node answers.";
        var seen = ofTarget ?? ofSource!;
        var given = slots.Slots.Count(slot => seen.OwnerOf(slot) == target.Id && (ofSource is null || ofSource.OwnerOf(slot) == target.Id));
        var left = slots.Slots.Count(slot => seen.OwnerOf(slot) == source.Id);
        var by = ofSource is null || ofTarget is null ? "As " + (ofTarget is null ? source : target).Name + " sees it, " : string.Empty;
        var told = given == 0 && left == slots.Count ? "nothing was given away."
            : given == 0 && left == 0 ? "neither of the two owns any of them now."
            : given == slots.Count ? "all of them are " + target.Name + "'s now."
            : Number(given) + " of them are " + target.Name + "'s now, " + Number(left) + " are " + source.Name + "'s.";
        return by.Length > 0 ? by + told : char.ToUpperInvariant(told[0]) + told.Substring(1);
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
