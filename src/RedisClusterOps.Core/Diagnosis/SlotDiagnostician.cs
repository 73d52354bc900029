using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>Determines the state of a slot. Pure: the same situation always has the same state.</summary>
internal static class SlotDiagnostician
{
    /// <returns>Null if the slot is stable: one owner, no flag.</returns>
    public static SlotDiagnosis? Diagnose(SlotSituation situation)
    {
        var view = situation.View;
        if (AtomicTaskOf(view, situation.Slot) is { } task)
        {
            var (source, target) = (view.Node(task.SourceId), view.Node(task.TargetId));
            return new SlotDiagnosis(situation, RedisOpenSlotState.Atomic, source, target, "the servers report: " + task.State);
        }

        if (view.ContestedClaims.TryGetValue(situation.Slot, out var claimants))
            return DiagnoseContested(situation, claimants);
        if (situation.Flags.Count == 0)
            return view.OwnerOf(situation.Slot) is null ? DiagnoseUnowned(situation) : null;

        var migrating = situation.Flags.Where(flag => flag.IsMigrating).ToList();
        var importing = situation.Flags.Where(flag => !flag.IsMigrating).ToList();
        if (migrating.Count > 1)
            return Tangled(situation, null, null, "more than one master is migrating it: " + Names(view, migrating));
        if (importing.Count > 1)
            return Tangled(situation, null, null, "more than one master is importing it: " + Names(view, importing));
        return migrating.Count == 1
            ? DiagnoseMigrating(situation, migrating[0], importing.Count == 1 ? importing[0] : null)
            : DiagnoseImporting(situation, importing[0]);
    }

    /// <summary>The slots that may not be stable.</summary>
    public static IReadOnlyList<int> Suspects(ClusterView view) => view.OpenFlags.Select(flag => flag.Slot)
        .Concat(view.ContestedClaims.Keys)
        .Concat(view.UnownedSlots.Slots)
        .Concat(view.AtomicTasks.SelectMany(task => task.Slots.Slots))
        .Distinct().OrderBy(slot => slot).ToList();

    private static AtomicTask? AtomicTaskOf(ClusterView view, int slot) => view.AtomicTasks
        .Where(task => task.Slots.Contains(slot))
        // A Valkey replica lists its master's task without the ends.
        .OrderByDescending(task => view.Node(task.SourceId) is not null && view.Node(task.TargetId) is not null)
        .FirstOrDefault();

    // Two masters claim the slot on their own lines. Right after the handover to the target this is normal for a moment, and harmless
    // if the source holds no key. Otherwise the servers decide by epoch, and the loser deletes its keys.
    private static SlotDiagnosis DiagnoseContested(SlotSituation situation, IReadOnlyList<string> claimants)
    {
        var view = situation.View;
        var winner = view.Node(claimants[0])!;
        var loser = view.Node(claimants[1])!;
        var points = situation.Flags.Any(flag => flag.IsMigrating && flag.NodeId == loser.Id && flag.PeerId == winner.Id);
        if (claimants.Count == 2 && points && situation.KeysOn(loser) == 0)
            return new SlotDiagnosis(situation, RedisOpenSlotState.FinishedOnTarget, loser, winner, "the source does not know it yet");
        var names = string.Join(", ", claimants.Select(id => view.Node(id)!.Name));
        return new SlotDiagnosis(
            situation,
            RedisOpenSlotState.ClaimedWithoutEpoch,
            loser,
            winner,
            "claimed by " + names + "; the servers will assign it to the highest epoch");
    }

    private static SlotDiagnosis DiagnoseUnowned(SlotSituation situation)
    {
        var holders = situation.Holders.ToList();
        return new SlotDiagnosis(
            situation,
            RedisOpenSlotState.Unowned,
            holders.Count == 1 ? holders[0] : null,
            null,
            holders.Count > 0 ? "its keys are on " + string.Join(", ", holders.Select(node => node.Name))
                : situation.Keys.Values.Any(keys => keys is null)
                    ? "it is unknown which master holds its keys, because none counts keys of a slot that it does not own"
                : "no master holds a key of it");
    }

    private static SlotDiagnosis DiagnoseMigrating(SlotSituation situation, OpenFlag migrating, OpenFlag? importing)
    {
        var view = situation.View;
        var source = view.Node(migrating.NodeId)!;
        var owner = view.OwnerOf(situation.Slot);
        if (view.Node(migrating.PeerId) is not { } peer)
        {
            var unknown = Short(migrating.PeerId);
            return Tangled(situation, source, null, source.Name + " is migrating it to " + unknown + ", which no node knows");
        }


        var target = PresentMasterOf(situation, peer, source) ?? peer;
        if (target.Id == source.Id)
            return Tangled(situation, source, null, source.Name + " is migrating it to itself");
        if (importing is { } flag && flag.NodeId != target.Id)
        {
            var importer = view.Node(flag.NodeId)!;
            var detail = source.Name + " is migrating it to " + target.Name + ", but " + importer.Name + " is importing it";
            return Tangled(situation, source, target, detail);
        }

        if (owner == target.Id)
        {
            return situation.KeysOn(source) > 0
                ? new SlotDiagnosis(
                    situation, RedisOpenSlotState.StrayKeys, source, target, source.Name + " lost the slot while it held keys of it")
                : new SlotDiagnosis(situation, RedisOpenSlotState.FinishedOnTarget, source, target);
        }

        if (owner is null)
        {
            return importing is null
                ? Tangled(situation, source, target, "no node owns it, and " + source.Name + " is migrating it")
                : new SlotDiagnosis(situation, RedisOpenSlotState.FinishedOnSource, source, target);
        }

        if (owner != source.Id)
            return Tangled(situation, source, target, source.Name + " is migrating it, but " + view.Node(owner)!.Name + " owns it");
        if (importing is { } import && !ComesFrom(view, import.PeerId, source))
        {
            var from = NameOf(view, import.PeerId);
            return Tangled(situation, source, target, target.Name + " is importing it from " + from + ", which does not own it");
        }

        if (importing is null)
        {
            return target.Id != peer.Id
                ? new SlotDiagnosis(situation, RedisOpenSlotState.TargetFailedOver, source, target, "it was being migrated to " + peer.Name)
                : new SlotDiagnosis(situation, RedisOpenSlotState.MigratingOnly, source, target, Absent(target));
        }

        return new SlotDiagnosis(
            situation, situation.KeysOn(source) == 0 ? RedisOpenSlotState.Drained : RedisOpenSlotState.Migrating, source, target);
    }

    private static SlotDiagnosis DiagnoseImporting(SlotSituation situation, OpenFlag importing)
    {
        var view = situation.View;
        var target = view.Node(importing.NodeId)!;
        var peer = view.Node(importing.PeerId);
        var owner = view.OwnerOf(situation.Slot) is { } id ? view.Node(id) : null;
        if (owner is null)
        {
            // The source was notified before the target: it handed the slot over, and the target does not know it yet.
            return peer?.View?.OwnerOf(situation.Slot) == target.Id
                ? new SlotDiagnosis(situation, RedisOpenSlotState.FinishedOnSource, peer, target)
                : Tangled(situation, peer, target, "no node owns it, and " + target.Name + " is importing it");
        }

        if (owner.Id == target.Id)
            return Tangled(situation, peer, target, target.Name + " is importing a slot that it owns");
        if (owner.Id == importing.PeerId)
        {
            return owner.IsReachable && situation.KeysOn(target) > 0
                ? new SlotDiagnosis(
                    situation, RedisOpenSlotState.StrayKeys, target, owner, target.Name + " holds keys that clients can't see")
                : new SlotDiagnosis(situation, RedisOpenSlotState.ImportingOnly, owner, target, Absent(owner));
        }

        var peerName = NameOf(view, importing.PeerId);
        return ComesFrom(view, importing.PeerId, owner)
            ? new SlotDiagnosis(situation, RedisOpenSlotState.SourceFailedOver, owner, target, "it was being imported from " + peerName)
            : Tangled(situation, owner, target, target.Name + " is importing it from " + peerName + ", but " + owner.Name + " owns it");
    }

    /// <summary>
    /// True if the id is the owner, a replica of it, or a master that is down and lost its slots, which only a failover causes.
    /// </summary>
    public static bool ComesFrom(ClusterView view, string peerId, ClusterNode owner)
    {
        if (peerId == owner.Id)
            return true;
        var peer = view.Node(peerId);
        return peer is not null
            && (view.ShardMaster(peerId)?.Id == owner.Id || (peer.IsMaster && !peer.IsReachable && OwnsNothing(view, peer)));
    }

    // An importer ignores gossip about the slot that it imports, so it still reports the dead master as the owner of that slot.
    private static bool OwnsNothing(ClusterView view, ClusterNode absent) => view.Nodes
        .Where(node => node.IsReachable)
        .All(node => node.View!.Line(absent.Id) is not { } line || line.Slots.Slots.All(node.View.Self.ImportingFrom.ContainsKey));

    // A failed target stays listed as a master while it is down, so its successor is recognizable only by the keys that it holds. A target
    // that is not dead has no successor: a node that holds keys is another target.
    private static ClusterNode? PresentMasterOf(SlotSituation situation, ClusterNode peer, ClusterNode source)
    {
        if (!peer.IsMaster || peer.IsReachable)
            return situation.View.ShardMaster(peer.Id);
        if (!NodeVerdict.Of(situation.View, peer).IsDead)
            return peer;
        var holders = situation.Holders.Where(node => node.Id != source.Id).ToList();
        return holders.Count == 1 ? holders[0] : peer;
    }

    private static SlotDiagnosis Tangled(SlotSituation situation, ClusterNode? source, ClusterNode? target, string detail) =>
        new(situation, RedisOpenSlotState.Tangled, source, target, detail);

    private static string? Absent(ClusterNode node) => node.IsReachable ? null : node.Name + " does not answer, so its flag is unknown";

    private static string NameOf(ClusterView view, string id) => view.Node(id)?.Name ?? Short(id);

    private static string Short(string id) => "node " + Printable.Clean(id, 12);

    private static string Names(ClusterView view, IEnumerable<OpenFlag> flags) =>
        string.Join(", ", flags.Select(flag =>
            NameOf(view, flag.NodeId) + " (slot " + flag.Slot.ToString(CultureInfo.InvariantCulture) + ")"));
}

/// <summary>The state of a slot, and the two ends of its migration.</summary>
/// <param name="Situation">What the state was derived from.</param>
/// <param name="State">The state.</param>
/// <param name="Source">The master that the keys leave; null if there is none.</param>
/// <param name="Target">The master that the keys go to; null if there is none.</param>
/// <param name="Detail">What the name of the state does not say; null if it says everything.</param>
internal sealed record SlotDiagnosis(
    SlotSituation Situation, RedisOpenSlotState State, ClusterNode? Source, ClusterNode? Target, string? Detail = null)
{
    public int Slot => Situation.Slot;

    public ClusterNode? Owner => Situation.View.OwnerOf(Slot) is { } id ? Situation.View.Node(id) : null;

    public long? KeysOnSource => Situation.KeysOn(Source);

    public long? KeysOnTarget => Situation.KeysOn(Target);
}
