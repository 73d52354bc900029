using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Why whole slots are not moved: what stands in the way, and the command to run next. Nothing has been touched then.</summary>
internal static class PlanRefusal
{
    public static RedisOperationException Invalid(string message, string? subject, string next) => new(FailureCode.InvalidArgument, message, subject, next);

    /// <summary>What a server is, is in INFO alone.</summary>
    public static RedisOperationException Silent(ClusterNode node) => new(
        FailureCode.PermissionDenied,
        node.Name + " does not let this user run INFO, so it is not known whether it can move slots by itself. Nothing was done.",
        node.Name,
        ServerErrors.NextOf(FailureCode.PermissionDenied));

    /// <summary>Shares can't be worked out of slots that nobody owns, or that several claim.</summary>
    /// <exception cref="RedisOperationException">SlotStateUnsuitable.</exception>
    public static void RequireOneOwnerOfEachSlot(ClusterView view)
    {
        if (view.UnownedSlots is { Count: > 0 } unowned)
            throw Unsuitable(Slots(unowned) + (unowned.Count == 1 ? " has" : " have") + " no owner.", unowned);
        RequireUncontested(view, Enumerable.Range(0, HashSlot.Count));
    }

    /// <exception cref="RedisOperationException">SlotStateUnsuitable.</exception>
    public static void RequireUncontested(ClusterView view, IEnumerable<int> slots)
    {
        if (view.ContestedClaims.Count == 0)
            return;
        var contested = SlotSet.From(slots.Where(view.ContestedClaims.ContainsKey));
        if (contested.Count > 0)
        {
            var claimants = view.ContestedClaims[contested.Ranges[0].First].Select(id => view.Node(id)!.Name);
            throw Unsuitable(Slots(contested) + (contested.Count == 1 ? " is" : " are") + " claimed by more than one master (" + string.Join(", ", claimants) + ").", contested);
        }
    }

    /// <summary>A slot that somebody has open already goes where that says, or back; not elsewhere.</summary>
    /// <exception cref="RedisOperationException">SlotStateUnsuitable.</exception>
    public static void RequireClosed(ClusterView view, IReadOnlyList<SlotTransfer> transfers)
    {
        var open = new HashSet<int>(view.OpenFlags.Select(flag => flag.Slot));
        var tasks = new HashSet<int>(view.Masters.Where(node => node.IsReachable).SelectMany(node => node.View!.AtomicTasks).SelectMany(task => task.Slots.Slots));
        if (open.Count + tasks.Count == 0)
            return;
        var found = SlotSet.From(transfers.SelectMany(transfer => transfer.Slots.Slots).Where(open.Contains));
        if (found.Count > 0)
            throw Unsuitable(Slots(found) + " would move, and " + (found.Count == 1 ? "is open: close it first." : "are open: close them first."), found, WayToClose(found));
        var moving = SlotSet.From(transfers.SelectMany(transfer => transfer.Slots.Slots).Where(tasks.Contains));
        if (moving.Count > 0)
            throw Unsuitable(Slots(moving) + " would move, and the servers are moving " + (moving.Count == 1 ? "it" : "them") + " at this moment: wait until that has ended.", moving, "Get-RedisOpenSlot");
    }

    /// <exception cref="RedisOperationException">NodeUnreachable: an end does not answer, or the others take it for failing.</exception>
    public static void RequireWellEnds(IReadOnlyList<SlotTransfer> transfers)
    {
        foreach (var transfer in transfers)
        {
            Require(transfer.Source, " would give slots to " + transfer.Target.Name, "Get-RedisClusterNode");
            Require(transfer.Target, " would get slots from " + transfer.Source.Name, "Get-RedisClusterNode   (a weight of 0 leaves a master out that has no slots)");
        }

        static void Require(ClusterNode node, string what, string next)
        {
            if (node.IsReachable && node.State == RedisNodeState.Ok)
                return;
            var trouble = node.IsReachable ? "other nodes take it for failing (" + node.State + ")" : "it does not answer (" + (node.Trouble ?? "no reason known") + ")";
            throw new RedisOperationException(FailureCode.NodeUnreachable, node.Name + what + ", but " + trouble + ". Nothing was done.", node.Name, next);
        }
    }

    /// <summary>The command that closes these slots.</summary>
    public static string WayToClose(SlotSet open) => open.Count == 1 ? "Complete-RedisSlotMigration -Slot " + Number(open.Ranges[0].First) : "Repair-RedisCluster";

    /// <summary>Such as <c>Slot 7</c> or <c>Slots 7-9,12</c>; of many only the first few.</summary>
    public static string Slots(SlotSet slots) => (slots.Count == 1 ? "Slot " : "Slots ") + Some(slots);

    /// <summary>Such as <c>7-9,12</c>; of many ranges only the first few.</summary>
    public static string Some(SlotSet slots)
    {
        const int Shown = 5;
        return string.Join(",", slots.Ranges.Take(Shown)) + (slots.Ranges.Count > Shown ? ",… (" + Number(slots.Count) + " in all)" : string.Empty);
    }

    public static RedisOperationException Unsuitable(string message, SlotSet slots, string next = "Repair-RedisCluster") => new(
        FailureCode.SlotStateUnsuitable, message + " Nothing was done.", Number(slots.Ranges[0].First), next);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
