using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Slots;

/// <summary>The source and target that a request was agreed for. After a failover their successors count as the same ends.</summary>
internal sealed record MigrationEnds(string SourceId, string Source, string TargetId, string Target)
{
    public static MigrationEnds Of(ClusterNode source, ClusterNode target) => new(source.Id, source.Name, target.Id, target.Name);

    /// <summary>The master of each replica when the ends were agreed; null if that is unknown.</summary>
    public IReadOnlyDictionary<string, string>? MasterOfReplica { get; init; }

    public MigrationEnds Reversed => new(TargetId, Target, SourceId, Source) { MasterOfReplica = MasterOfReplica };

    /// <summary>True if the nodes are these ends or their successors. If one end is gone, a match of the other is enough.</summary>
    public bool Match(ClusterView view, ClusterNode? source, ClusterNode? target)
    {
        var sameSource = IsSource(view, source);
        var sameTarget = IsTarget(view, target);
        return (sameSource && sameTarget) || (sameSource && IsGone(view, TargetId)) || (sameTarget && IsGone(view, SourceId));
    }

    /// <summary>The source, or the replica that took its place in a failover; null if neither is a master.</summary>
    public ClusterNode? SourceNow(ClusterView view) => view.SuccessorOf(SourceId, MasterOfReplica);

    /// <summary>The target, or the replica that took its place in a failover; null if neither is a master.</summary>
    public ClusterNode? TargetNow(ClusterView view) => view.SuccessorOf(TargetId, MasterOfReplica);

    public bool IsSource(ClusterView view, ClusterNode? node) => IsOrSucceeds(view, SourceId, TargetId, node);

    public bool IsTarget(ClusterView view, ClusterNode? node) => IsOrSucceeds(view, TargetId, SourceId, node);

    /// <summary>
    /// True if the node is the target, or was its replica when the ends were agreed and so has its keys. A target that has become a replica
    /// of another master has dropped the keys that it had imported: that master does not stand for it.
    /// </summary>
    public bool IsTargetOrItsReplica(ClusterNode node) => node.Id == TargetId
        || (MasterOfReplica is not null && MasterOfReplica.TryGetValue(node.Id, out var master) && master == TargetId);

    public override string ToString() => "from " + Source + " to " + Target;

    // The node itself, or the present master of its shard. A master that hands over its last slot becomes a replica of the other end,
    // which is not its successor.
    private static bool IsOrSucceeds(ClusterView view, string id, string other, ClusterNode? node) =>
        node is not null && (node.Id == id || (node.Id != other && node.Id == view.ShardMaster(id)?.Id));

    private static bool IsGone(ClusterView view, string id) => view.Node(id) is not { IsReachableMaster: true };

    /// <summary>The migration to undo: named by the user, known from an interrupted undo, or derived from the flags.</summary>
    /// <param name="situation">The slot.</param>
    /// <param name="source">The node named as the migration's source; null for none.</param>
    /// <param name="target">The node named as the migration's target; null for none.</param>
    /// <param name="interrupted">The ends of an interrupted undo, if the journal knows of one; otherwise null.</param>
    /// <exception cref="RedisOperationException">SlotNotOpen, SlotNotOwned or SlotStateUnsuitable.</exception>
    public static MigrationEnds ForUndo(SlotSituation situation, ClusterNode? source, ClusterNode? target, MigrationEnds? interrupted)
    {
        var (view, slot) = (situation.View, situation.Slot);
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
            return ForUndoOfStable(view, slot, source, target, interrupted);
        if (diagnosis.Source is not { } from || diagnosis.Target is not { } to)
            throw SlotRefusal.Unsuitable(diagnosis, "It can't be undone from this state.");
        if (interrupted is not null && (interrupted.Match(view, from, to) || interrupted.Match(view, to, from)))
            return interrupted;
        // An interrupted pull-back: the node with the keys imports from the owner that they came from.
        var isPullBack = diagnosis.State == RedisOpenSlotState.StrayKeys;
        var asFlagged = (isPullBack ? Of(to, from) : Of(from, to)) with { MasterOfReplica = view.MasterOfReplica };
        if (isPullBack && (source is null || Is(view, source, to)) && (target is null || Is(view, target, from)))
            return asFlagged;
        // The slot may already be on its way back to the named source.
        if (source is not null && target is not null && !Is(view, source, from) && Is(view, source, to) && Is(view, target, from))
            return asFlagged.Reversed;
        if (source is not null && !Is(view, source, from) && !(Is(view, source, to) && target is null))
            throw Mismatch(FailureCode.SlotNotOwned, slot, "leaves " + from.Name, source.Name);
        if (target is not null && !Is(view, target, to))
            throw Mismatch(FailureCode.SlotStateUnsuitable, slot, "goes to " + to.Name, target.Name);
        return source is not null && !Is(view, source, from) && !isPullBack ? asFlagged.Reversed : asFlagged;
    }

    private static MigrationEnds ForUndoOfStable(
        ClusterView view, int slot, ClusterNode? source, ClusterNode? target, MigrationEnds? interrupted)
    {
        var owner = view.OwnerOf(slot) is { } id ? view.Node(id) : null;
        if (interrupted is not null && owner is not null && (interrupted.IsTarget(view, owner) || interrupted.IsSource(view, owner))
            && (source is null || interrupted.IsSource(view, source)))
            return interrupted;
        if (source is null || owner is null)
        {
            throw SlotRefusal.NotOpen(
                slot, owner, new NextAction(NextActionCode.Undo) { Slots = Number(slot), Source = "<the master that it came from>" });
        }

        if (target is not null && source.Id != owner.Id && target.Id != owner.Id)
            throw Mismatch(FailureCode.SlotNotOwned, slot, "belongs to " + owner.Name, target.Name);
        return Of(source, source.Id == owner.Id ? target ?? owner : owner) with { MasterOfReplica = view.MasterOfReplica };
    }

    /// <exception cref="RedisOperationException">The slot's source or target is another node than the one named.</exception>
    public static void RequireNamed(SlotDiagnosis diagnosis, ClusterNode? source, ClusterNode? target)
    {
        var view = diagnosis.Situation.View;
        if (source is not null && diagnosis.Source is { } from && !Is(view, source, from))
            throw Mismatch(FailureCode.SlotNotOwned, diagnosis.Slot, "leaves " + from.Name, source.Name);
        if (target is not null && diagnosis.Target is { } to && !Is(view, target, to))
            throw Mismatch(FailureCode.SlotStateUnsuitable, diagnosis.Slot, "goes to " + to.Name, target.Name);
    }

    private static bool Is(ClusterView view, ClusterNode named, ClusterNode end) =>
        named.Id == end.Id || view.ShardMaster(named.Id)?.Id == end.Id;

    private static RedisOperationException Mismatch(FailureCode code, int slot, string fact, string expected) => new(
        code,
        "Slot " + Number(slot) + " " + fact + ", not " + expected + ". Nothing was changed.",
        Number(slot),
        new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number(slot) });
}
