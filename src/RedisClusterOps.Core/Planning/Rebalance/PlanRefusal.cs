using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>Why whole slots can't be moved. Nothing was changed yet.</summary>
internal static class PlanRefusal
{
    public const string NothingChanged = " Nothing was changed.";

    /// <summary>The finding that a master becomes a replica, with the option that prevents it.</summary>
    public static PlanFinding BecomesReplica(string master, string message) => new()
    {
        Code = PlanFindingCode.SourceBecomesReplica,
        Severity = FindingSeverity.Warning,
        Target = master,
        Message = message,
        Next = new NextAction(NextActionCode.Repeat) { Options = NextActionOptions.KeepEmptyMaster, Note = "keeps it a master" },
    };

    public static RedisOperationException Invalid(string message, string? subject, NextAction next) =>
        new(FailureCode.InvalidArgument, message, subject, next);

    public static RedisOperationException NotAMaster(ClusterView view, ClusterNode node) => Invalid(
        view.ShardMaster(node.Id) is { } master && master.Id != node.Id
            ? node.Name + " is a replica of " + master.Name + ". Only masters own slots: name its master." + NothingChanged
            : node.Name + " is not a master. Only masters own slots." + NothingChanged,
        node.Name,
        new NextAction(NextActionCode.ShowMasters));

    /// <summary>Only INFO reports what a server is.</summary>
    public static RedisOperationException UnknownServer(ClusterNode node) => new(
        FailureCode.PermissionDenied,
        node.Name + " does not let this user run INFO, so it is unknown whether it can move slots itself." + NothingChanged,
        node.Name,
        ServerErrors.NextOf(FailureCode.PermissionDenied));

    /// <summary>Shares can't be calculated while a slot has no owner or several.</summary>
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
        if (contested.Count == 0)
            return;
        var claimants = view.ContestedClaims[contested.Ranges[0].First].Select(id => view.Node(id)!.Name);
        throw Unsuitable(SlotsAre(contested) + " claimed by more than one master (" + string.Join(", ", claimants) + ").", contested);
    }

    /// <summary>An open slot can only be completed or undone. It can't move elsewhere.</summary>
    /// <exception cref="RedisOperationException">SlotStateUnsuitable.</exception>
    public static void RequireClosed(ClusterView view, IReadOnlyList<SlotTransfer> transfers)
    {
        var open = new HashSet<int>(view.OpenFlags.Select(flag => flag.Slot));
        var masters = view.Masters.Where(node => node.IsReachable);
        var tasks = new HashSet<int>(masters.SelectMany(node => node.View!.AtomicTasks).SelectMany(task => task.Slots.Slots));
        if (open.Count + tasks.Count == 0)
            return;
        var found = SlotSet.From(transfers.SelectMany(transfer => transfer.Slots.Slots).Where(open.Contains));
        if (found.Count > 0)
            throw Open(SlotsAre(found) + " part of the plan but open. Close " + Them(found) + " first.", found, WayToClose(found));
        var moving = SlotSet.From(transfers.SelectMany(transfer => transfer.Slots.Slots).Where(tasks.Contains));
        if (moving.Count > 0)
        {
            throw Open(
                SlotsAre(moving) + " part of the plan, but the servers are moving " + Them(moving) + " now. Wait until they have finished.",
                moving,
                new NextAction(NextActionCode.ShowOpenSlots));
        }

        static string Them(SlotSet slots) => slots.Count == 1 ? "it" : "them";
    }

    /// <exception cref="RedisOperationException">NodeUnreachable: an end does not answer, or other nodes flag it as failing.</exception>
    public static void RequireHealthyEnds(ClusterView view, IReadOnlyList<SlotTransfer> transfers)
    {
        foreach (var transfer in transfers)
        {
            Require(transfer.Source, " is the source of slots for " + transfer.Target.Name, null);
            Require(
                transfer.Target, " is the target of slots of " + transfer.Source.Name, "a weight of 0 leaves out a master without slots");
        }

        void Require(ClusterNode node, string role, string? note)
        {
            if (node.IsReachable && node.State == RedisNodeState.Ok)
                return;
            var verdict = NodeVerdict.Of(view, node);
            var trouble = node.IsReachable ? "other nodes flag it as failing (" + node.State + ")" : "it " + verdict.Reason;
            var next = note is null ? verdict.Cure : verdict.Cure with { Or = NextAction.Advise(note) };
            throw new RedisOperationException(verdict.Code, node.Name + role + ", but " + trouble + "." + NothingChanged, node.Name, next)
            {
                ConcernsOneNode = true,
            };
        }
    }

    /// <summary>The action that closes these slots.</summary>
    public static NextAction WayToClose(SlotSet open) => open.Count == 1
        ? new NextAction(NextActionCode.Complete) { Slots = Number(open.Ranges[0].First) }
        : new NextAction(NextActionCode.Repair);

    /// <summary>Such as <c>Slot 7 is</c> or <c>Slots 7-9,12 are</c>.</summary>
    public static string SlotsAre(SlotSet slots) => Slots(slots) + (slots.Count == 1 ? " is" : " are");

    /// <summary>Such as <c>7-9,12</c>; only the first few of many ranges.</summary>
    public static string Some(SlotSet slots)
    {
        const int Shown = 5;
        var shown = string.Join(",", slots.Ranges.Take(Shown));
        return slots.Ranges.Count > Shown ? shown + ",… (" + Number(slots.Count) + " in all)" : shown;
    }

    public static RedisOperationException Unsuitable(string message, SlotSet slots, NextAction? next = null) => new(
        FailureCode.SlotStateUnsuitable,
        message + NothingChanged,
        Number(slots.Ranges[0].First),
        next ?? new NextAction(NextActionCode.Repair));

    private static RedisOperationException Open(string message, SlotSet slots, NextAction next) => new(
        FailureCode.SlotStateUnsuitable, message + NothingChanged, Number(slots.Ranges[0].First), next) { OpenSlots = slots };

    private static string Slots(SlotSet slots) => (slots.Count == 1 ? "Slot " : "Slots ") + Some(slots);
}
