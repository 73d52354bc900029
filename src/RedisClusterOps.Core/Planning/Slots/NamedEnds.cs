using System.Globalization;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>The ends that a person named, against what the cluster says.</summary>
internal static class NamedEnds
{
    /// <summary>Which migration is to be undone: named, known from an undo that was cut off, or as the flags say.</summary>
    /// <param name="source">The node named as where it started from; null for none.</param>
    /// <param name="target">The node named as where it was going; null for none.</param>
    /// <param name="cutOff">The ends of an undo that did not come to its end, where the journal knows of one; null for none.</param>
    /// <exception cref="RedisOperationException">SlotNotOpen, SlotNotOwned or SlotStateUnsuitable.</exception>
    public static MigrationEnds OfUndo(SlotSituation situation, ClusterNode? source, ClusterNode? target, MigrationEnds? cutOff)
    {
        var (view, slot) = (situation.View, situation.Slot);
        var owner = view.OwnerOf(slot) is { } id ? view.Node(id) : null;
        if (SlotDiagnostician.Diagnose(situation) is not { } diagnosis)
        {
            if (cutOff is not null && owner is not null && (cutOff.IsTarget(view, owner) || cutOff.IsSource(view, owner)) && (source is null || cutOff.IsSource(view, source)))
                return cutOff;
            if (source is null || owner is null)
                throw SlotRefusal.NotOpen(slot, owner, "Undo-RedisSlotMigration -Slot " + slot.ToString(CultureInfo.InvariantCulture) + " -Source <the master that it came from>");
            if (target is not null && source.Id != owner.Id && target.Id != owner.Id)
                throw Mismatch(FailureCode.SlotNotOwned, slot, "belongs to " + owner.Name, target.Name);
            return MigrationEnds.Of(source, source.Id == owner.Id ? target ?? owner : owner);
        }

        if (diagnosis.Source is not { } from || diagnosis.Target is not { } to)
            throw SlotRefusal.Unsuitable(diagnosis, "It can't be undone from here.");
        // What is left of a pull-back: the holder of the keys imports from the owner that it came from.
        var (origin, away) = diagnosis.State == RedisOpenSlotState.StrayKeys ? (to, from) : (from, to);
        if (cutOff is not null && (cutOff.Fit(view, from, to) || cutOff.Fit(view, to, from)))
            return cutOff;
        // Already on its way back to the master that was named.
        if (source is not null && target is not null && !Is(view, source, from) && Is(view, source, to) && Is(view, target, from))
            return diagnosis.State == RedisOpenSlotState.StrayKeys ? MigrationEnds.Of(origin, away) : MigrationEnds.Of(to, from);
        if (source is not null && !Is(view, source, from) && !(Is(view, source, to) && target is null))
            throw Mismatch(FailureCode.SlotNotOwned, slot, "leaves " + from.Name, source.Name);
        if (target is not null && !Is(view, target, to))
            throw Mismatch(FailureCode.SlotStateUnsuitable, slot, "goes to " + to.Name, target.Name);
        return source is not null && !Is(view, source, from) && diagnosis.State != RedisOpenSlotState.StrayKeys ? MigrationEnds.Of(to, from) : MigrationEnds.Of(origin, away);
    }

    /// <exception cref="RedisOperationException">The slot goes from or to another node than was named.</exception>
    public static void Require(SlotDiagnosis diagnosis, ClusterNode? source, ClusterNode? target)
    {
        var view = diagnosis.Situation.View;
        if (source is not null && diagnosis.Source is { } from && !Is(view, source, from))
            throw Mismatch(FailureCode.SlotNotOwned, diagnosis.Slot, "leaves " + from.Name, source.Name);
        if (target is not null && diagnosis.Target is { } to && !Is(view, target, to))
            throw Mismatch(FailureCode.SlotStateUnsuitable, diagnosis.Slot, "goes to " + to.Name, target.Name);
    }

    private static bool Is(ClusterView view, ClusterNode named, ClusterNode end) => named.Id == end.Id || view.ShardMaster(named.Id)?.Id == end.Id;

    private static RedisOperationException Mismatch(FailureCode code, int slot, string fact, string expected)
    {
        var number = slot.ToString(CultureInfo.InvariantCulture);
        return new RedisOperationException(code, "Slot " + number + " " + fact + ", not " + expected + ". Nothing was done.", number, "Get-RedisOpenSlot -Slot " + number);
    }
}
