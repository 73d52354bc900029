using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>How the plans of many slots are carried out together.</summary>
internal enum BulkWay
{
    /// <summary>Not together: the slot needs checks of its own.</summary>
    None,

    /// <summary>An open slot moves to its target.</summary>
    Forward,

    /// <summary>A slot returns to the master that it came from, after its migration was completed.</summary>
    Back,

    /// <summary>The owner stays: keys are gathered on it, and flags are cleared. Or a slot without a reachable owner gets one.</summary>
    Steps,
}

/// <summary>Sorts plans by the way in which they are carried out.</summary>
internal static class BulkWays
{
    // Keys that return to the owner are hidden for as long as their window takes.
    private const int MostSlots = 256;
    private const int MostRevealed = 32;
    private const long MostKeys = 20_000;

    /// <summary>The way of a plan.</summary>
    public static BulkWay Of(SlotPlan plan)
    {
        if (plan.Refusal is not null || plan.IsDone)
            return BulkWay.None;
        if (BulkAdoption.IsAdoption(plan) || BulkSteps.CanRun(plan))
            return BulkWay.Steps;
        var handovers = plan.Actions.OfType<AssignToTarget>().Count();
        if (plan.IsPartial || handovers == 0 || !IsOpenOrStable(plan.State))
            return BulkWay.None;
        if (plan.Undo is { } undo)
            return undo.Strategy == UndoStrategy.RoundTrip && plan.OwnerAtEnd == plan.SourceId ? BulkWay.Back : BulkWay.None;
        return plan is { State: not null, Request: CompleteRequest or RepairRequest } && plan.Owner == plan.SourceId && handovers == 1
            ? BulkWay.Forward
            : BulkWay.None;
    }

    /// <summary>The commands of a plan, for one slot or for many slots with the same plan.</summary>
    public static IReadOnlyList<PlannedCommand> CommandsOf(SlotPlan plan, bool forMany) =>
        forMany && Of(plan) is BulkWay.Forward or BulkWay.Back ? ForMany(plan.Commands) : plan.Commands;

    /// <summary>Commands for many slots at a time. Commands to several nodes with the same replacement become one.</summary>
    public static IReadOnlyList<PlannedCommand> ForMany(IReadOnlyList<PlannedCommand> commands)
    {
        var replaced = new HashSet<PlannedCommand>();
        return commands.Where(command => command.ForMany is null || replaced.Add(command.ForMany))
            .Select(command => command.ForMany ?? command).ToList();
    }

    /// <summary>
    /// Groups plans in the order in which they are carried out. Plans of the same way are one group, in the place of the first of them.
    /// Slots without an owner are grouped by the master that takes them over.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<SlotPlan>> Groups(IReadOnlyList<SlotPlan> plans) => plans
        .Select((plan, index) => (Plan: plan, Index: index, Way: Of(plan)))
        .GroupBy(each => each.Way switch
        {
            BulkWay.None => (BulkWay.None, each.Index, string.Empty),
            BulkWay.Steps when BulkAdoption.IsAdoption(each.Plan) => (BulkWay.Steps, -1, each.Plan.SourceId + ">" + each.Plan.TargetId),
            var way => (way, -1, string.Empty),
        })
        .Select(group => (IReadOnlyList<SlotPlan>)group.Select(each => each.Plan).ToList()).ToList();

    /// <summary>Divides the plans of a group into windows, each of which is read, carried out and verified at once.</summary>
    public static IEnumerable<IReadOnlyList<SlotPlan>> Windows(IReadOnlyList<SlotPlan> plans)
    {
        var windows = new List<List<SlotPlan>>();
        var keys = 0L;
        foreach (var plan in plans)
        {
            var more = plan.Actions.OfType<MoveKeys>().Sum(move => move.Keys ?? 0);
            var last = windows.Count == 0 ? null : windows[windows.Count - 1];
            if (last is null || last.Count >= MostOf(plan) || keys + more > MostKeys)
            {
                windows.Add([]);
                keys = 0;
            }

            windows[windows.Count - 1].Add(plan);
            keys += more;
        }

        return windows;
    }

    // Slots that only get an owner hide no key, and their ranges stay whole. A flag that only reveals the keys of a slot with an owner
    // looks like a migration that has begun, should the run be killed.
    private static int MostOf(SlotPlan plan)
    {
        var onlyReveals = plan.Actions.All(action => action is SetImporting { OnlyReveals: true });
        return BulkAdoption.IsAdoption(plan) || (onlyReveals && plan.TargetId.Length == 0) ? int.MaxValue
            : onlyReveals ? MostRevealed
            : MostSlots;
    }

    // In the other states one of the ends has not heard of the handover, or the flags contradict each other.
    private static bool IsOpenOrStable(RedisOpenSlotState? state) => state is null
        or RedisOpenSlotState.ImportingOnly or RedisOpenSlotState.MigratingOnly or RedisOpenSlotState.Migrating
        or RedisOpenSlotState.Drained or RedisOpenSlotState.SourceFailedOver or RedisOpenSlotState.TargetFailedOver;
}
