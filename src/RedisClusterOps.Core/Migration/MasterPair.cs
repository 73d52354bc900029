using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration;

/// <summary>The slots that one run moves from one master to another. A run may have two pairs of the same masters.</summary>
internal sealed class MasterPair(ClusterNode source, ClusterNode target, IReadOnlyList<SlotMove> slots, bool isAtomic)
{
    public ClusterNode Source => source;

    public ClusterNode Target => target;

    public IReadOnlyList<SlotMove> Slots => slots;

    /// <summary>True if the servers move the slots themselves.</summary>
    public bool IsAtomic => isAtomic;

    /// <summary>Number of keys in all slots, as the plan counted them; null if it did not count them.</summary>
    public long? EstimatedKeys { get; init; }

    public MoveMethod Method => isAtomic ? MoveMethod.Atomic : MoveMethod.KeyByKey;

    /// <summary>The pairs of a plan, with the state of each slot now.</summary>
    /// <exception cref="RedisOperationException">
    /// StalePlan: a master became a replica. NodeNotFound, ClusterViewConflict, or why an end can't be read.
    /// </exception>
    public static IReadOnlyList<MasterPair> Of(ClusterView view, RedisRebalancePlan plan, IReadOnlyList<RedisSlotMove> moves)
    {
        // A plan names masters. No other node stands for them: slots would go where the plan does not send them.
        foreach (var id in moves.SelectMany(move => new[] { move.SourceId, move.TargetId }))
            RequireMaster(view, id);
        return moves.Select(move => Of(view, move, undoes: plan.Kind == MigrationOperation.Undo)).ToList();
    }

    /// <summary>The pairs of plans that are carried out together.</summary>
    /// <param name="isBack">True if the slots return to the masters that they came from.</param>
    /// <exception cref="RedisOperationException">
    /// StalePlan: a master became a replica. NodeNotFound, ClusterViewConflict, or why an end can't be read.
    /// </exception>
    public static IReadOnlyList<MasterPair> Of(ClusterView view, IEnumerable<SlotPlan> plans, bool isBack) => plans
        // The source of a way back is the target of the migration.
        .GroupBy(plan => isBack ? (plan.TargetId, plan.SourceId) : (plan.SourceId, plan.TargetId))
        .Select(pair =>
        {
            // A slot goes where its plan says, or nowhere: no other master stands for a node that has become a replica.
            RequireMaster(view, pair.Key.Item1);
            RequireMaster(view, pair.Key.Item2);
            var move = new RedisSlotMove
            {
                SourceId = pair.Key.Item1,
                TargetId = pair.Key.Item2,
                SlotRanges = SlotSet.From(pair.Select(plan => plan.Slot)).Ranges,
            };
            var successors = pair.Where(plan => plan.State == RedisOpenSlotState.TargetFailedOver).Select(plan => plan.Slot);
            return Of(view, move, isBack, new HashSet<int>(successors));
        }).ToList();

    /// <param name="undoes">True if slots that migrate towards the source are completed first.</param>
    /// <param name="successors">Slots that are open towards a former master that the target has replaced; null for none.</param>
    /// <exception cref="RedisOperationException">NodeNotFound, ClusterViewConflict, or why an end can't be read.</exception>
    public static MasterPair Of(ClusterView view, RedisSlotMove move, bool undoes, ISet<int>? successors = null)
    {
        var (source, target) = (NodeNames.MasterOf(view, move.SourceId), NodeNames.MasterOf(view, move.TargetId));
        foreach (var end in new[] { source, target })
        {
            if (!end.IsReachable)
                throw NodeVerdict.Of(view, end).Refused("No slot can be moved from or to " + end.Name);
        }

        SlotRefusal.RequireAcquainted("No slot can be moved between " + source.Name + " and " + target.Name, source, target);
        var isAtomic = move.DecidedMethod == MoveMethod.Atomic;
        var slots = SlotSet.From(move.SlotRanges).Slots.Select(slot => SlotMove.Of(
            view, slot, source, target, undoes, isAtomic, successors?.Contains(slot) == true)).ToList();
        return new MasterPair(source, target, slots, isAtomic) { EstimatedKeys = move.EstimatedKeys };
    }

    private static void RequireMaster(ClusterView view, string id)
    {
        if (NodeNames.MasterOf(view, id) is var now && now.Id == id)
            return;
        var name = view.Node(id)!.Name;
        throw new RedisOperationException(
            FailureCode.StalePlan,
            "The plan is stale: " + name + " is a replica of " + now.Name + " now." + PlanRefusal.NothingChanged,
            name,
            new NextAction(NextActionCode.ShowNodes));
    }

    public override string ToString() => source.Name + " -> " + target.Name;
}

/// <summary>One slot of a bulk move: its state, its progress, and why it was deferred if it was.</summary>
internal sealed class SlotMove(int slot, long keys)
{
    public int Slot => slot;

    /// <summary>Keys on the source when the slot was opened.</summary>
    public long Keys { get; set; } = keys;

    /// <summary>
    /// True if an importing node names a former master as the source: the slot's source failed over. Its flags are set anew first.
    /// </summary>
    public bool ImportsFromFormerMaster { get; init; }

    /// <summary>Keys that this run moved.</summary>
    public long Moved { get; set; }

    /// <summary>Keys that were listed, and had expired or been deleted before they were moved.</summary>
    public long Gone { get; set; }

    /// <summary>Keys whose MIGRATE broke: they may be on both sides.</summary>
    public List<byte[]> Interrupted { get; } = [];

    /// <summary>When this run began with the slot, on the run's clock; zero before that.</summary>
    public TimeSpan Began { get; private set; }

    /// <summary>How far the slot is, as the nodes have confirmed it.</summary>
    public SlotMoveState State { get; set; }

    /// <summary>Why the slot is not moved in bulk, but individually and with every check; null if it is moved in bulk.</summary>
    public string? DeferReason { get; private set; }

    public bool IsDeferred => DeferReason is not null;

    /// <summary>True if none of the counted keys is left on the source.</summary>
    public bool IsEmptied => Moved + Gone >= Keys;

    /// <summary>True if the run has not begun with the slot.</summary>
    public bool IsWaiting => !IsDeferred && State == SlotMoveState.Waiting;

    // A slot that is stable on the source, or open between these two masters, moves in bulk. A slot that is stable on the target has moved
    // already, as after a run that was killed before it could write that down.
    /// <param name="hasSuccessor">True if the target has replaced the master that the source migrates to.</param>
    internal static SlotMove Of(
        ClusterView view, int slot, ClusterNode source, ClusterNode target, bool undoes, bool isAtomic, bool hasSuccessor)
    {
        var owner = view.ContestedClaims.ContainsKey(slot) ? null : view.OwnerOf(slot);
        var flags = view.FlagsOf(slot).ToList();
        var isInterrupted = undoes && (owner == target.Id || owner == source.Id) && flags.Count > 0
            && flags.TrueForAll(flag => IsBetween(view, flag, target, source, owner == target.Id && !isAtomic, hasSuccessor));
        var move = new SlotMove(slot, 0)
        {
            ImportsFromFormerMaster = flags.Exists(flag => !flag.IsMigrating && flag.PeerId != owner && flag.NodeId != owner),
        };
        if (owner == target.Id && flags.Count == 0)
            move.State = SlotMoveState.OnTarget;
        else if (isInterrupted)
            move.State = SlotMoveState.Interrupted;
        else if (owner != source.Id)
            move.Defer(source.Name + " is not its undisputed owner");
        else if (!flags.TrueForAll(flag => IsBetween(view, flag, source, target, !isAtomic, hasSuccessor)))
            move.Defer("it is open between other nodes");
        return move;
    }

    /// <summary>Begins with the slot. Its journal entry is written by then.</summary>
    public void Begin(TimeSpan now)
    {
        Began = now;
        if (State == SlotMoveState.Waiting)
            State = SlotMoveState.Begun;
    }

    /// <summary>Leaves the slot to be moved individually. The first reason stays.</summary>
    public void Defer(string reason) => DeferReason ??= reason;

    /// <summary>The slot waits again, as if the run had not begun with it.</summary>
    public void Reset() => (State, Began, Moved, Gone) = (SlotMoveState.Waiting, TimeSpan.Zero, 0, 0);

    /// <param name="mayFollow">True if the source may have replaced the master that the target imports from.</param>
    /// <param name="hasSuccessor">True if the target has replaced the master that the source migrates to.</param>
    private static bool IsBetween(
        ClusterView view, OpenFlag flag, ClusterNode source, ClusterNode target, bool mayFollow, bool hasSuccessor) =>
        flag.IsMigrating ? flag.NodeId == source.Id && (flag.PeerId == target.Id || hasSuccessor)
        : flag.NodeId == target.Id
            && (flag.PeerId == source.Id || (mayFollow && SlotDiagnostician.ComesFrom(view, flag.PeerId, source)));
}

/// <summary>How far a run has moved a slot.</summary>
internal enum SlotMoveState
{
    /// <summary>The source owns the slot, and the run has not begun with it.</summary>
    Waiting,

    /// <summary>The target owned the slot before the run began. Only the verification is left.</summary>
    OnTarget,

    /// <summary>
    /// The run that is being undone left the slot open on its way to this pair's source. That migration is completed before the slot
    /// moves.
    /// </summary>
    Interrupted,

    /// <summary>The intent is in the journal. No flag was sent.</summary>
    Begun,

    /// <summary>
    /// Flags were sent, but MIGRATING is not confirmed. Without MIGRATING the source serves the slot alone and sends no redirect, so a key
    /// that has left it would read as missing.
    /// </summary>
    Opening,

    /// <summary>Both ends confirmed their flags.</summary>
    Open,

    /// <summary>Both ends were sent the new owner.</summary>
    HandedOver,
}
