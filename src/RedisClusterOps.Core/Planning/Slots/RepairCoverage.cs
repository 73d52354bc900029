using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Plans an owner for a slot that no reachable node owns: the master that holds its keys, never a random one.</summary>
internal static class RepairCoverage
{
    /// <summary>The slot has no owner.</summary>
    public static SlotPlan PlanUnowned(RepairRequest repair, SlotSituation situation, SlotDiagnosis diagnosis)
    {
        var view = situation.View;
        if (NeededMaster(repair, view) is { } absent)
        {
            throw SlotRefusal.Unreachable(
                repair.Slot,
                view,
                absent,
                "assigned",
                repair.WithoutNode("if " + absent.Name + " holds keys of it, it deletes them when it returns"));
        }

        if (repair is { Recorded: { } ends, ChosenOwnerId: null, Repair.AllowUnreachableNode: false })
            RequireListed(repair, view, ends);
        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var hiding = Hiding(repair, situation);
        if (hiding.Count > 0 && masters.Count > 1)
        {
            return repair.PlanOf(diagnosis, null, null, hiding.Select(Reveal)) with { IsPartial = true };
        }

        var owner = Choose(repair, situation, "has no owner,");
        return repair.PlanOf(diagnosis, null, owner, Adopt(view, repair.Slot, owner, null)) with
        {
            IsPartial = true,
            Warnings = [RaiseEpoch.Unknown],
        };

        SetImporting Reveal(ClusterNode node) => new(repair.Slot, node, PeerFor(view, node, null)!) { OnlyReveals = true };
    }

    // Every node may have forgotten an end of the run, which then still serves its clients.
    private static void RequireListed(RepairRequest repair, ClusterView view, MigrationEnds ends)
    {
        var forgotten = view.Node(ends.TargetId) is null ? ends.Target : view.Node(ends.SourceId) is null ? ends.Source : null;
        if (forgotten is null)
            return;
        throw repair.Undecided(
            "has no owner. The last run moved it " + ends + ", and no node lists " + forgotten + ", which may hold its keys.",
            new NextAction(NextActionCode.MeetNode)
            {
                Node = view.Nodes.First(node => node.IsReachable).View!.Dialled.ToString(),
                Target = forgotten,
                Or = repair.Again with { Target = "<node>", Note = "if it is gone for good" },
            });
    }

    /// <summary>The slot's owner does not answer.</summary>
    public static SlotPlan PlanUnreachableOwner(RepairRequest repair, SlotSituation situation, SlotDiagnosis? diagnosis, ClusterNode absent)
    {
        var withoutIt = repair.WithoutNode("it then deletes its keys of the slot when it returns");
        SlotRefusal.RequireDispensable(
            repair.Slot, situation.View, absent, "repaired", repair.Repair.AllowUnreachableNode, withoutIt);
        string[] lasting = ["When " + absent.Name + " returns, it deletes its keys of slot " + repair.Slot + "."];
        var hiding = repair.ChosenOwnerId is null ? Hiding(repair, situation) : [];
        if (hiding.Count > 0)
        {
            var reveal = hiding.Select(
                node => new SetImporting(repair.Slot, node, PeerFor(situation.View, node, absent)!) { OnlyReveals = true });
            return repair.PlanOf(diagnosis, absent, null, reveal) with { IsPartial = true, Warnings = lasting, LastingWarnings = lasting };
        }

        var owner = Choose(repair, situation, "belongs to " + absent.Name + ", which does not answer,");
        return repair.PlanOf(diagnosis, absent, owner, Adopt(situation.View, repair.Slot, owner, absent)) with
        {
            IsPartial = true,
            Warnings = lasting,
            LastingWarnings = lasting,
        };
    }

    /// <summary>The first unreachable master that may hold keys and can't be left out; null if there is none.</summary>
    public static ClusterNode? NeededMaster(RepairRequest repair, ClusterView view) => view.Masters.FirstOrDefault(node =>
        !node.IsReachable && !(repair.Repair.AllowUnreachableNode && NodeVerdict.Of(view, node) is { IsDead: true, Successor: null }));

    // The commands follow from what the new owner itself knows. It may have forgotten the former owner, or take another node for it.
    private static IEnumerable<SlotAction> Adopt(ClusterView view, int slot, ClusterNode owner, ClusterNode? absent)
    {
        var raise = new RaiseEpoch(slot, owner, [.. view.Nodes.Where(node => node.IsReachable)]);
        var others = HandoverOrder.NotifyOthers(view, slot, owner, absent);
        if (absent is not null && PeerFor(view, owner, absent) == absent)
            return [new TakeFromUnreachable(slot, owner, absent), raise, .. others];
        var believed = owner.View!.OwnerOf(slot) is { } id && id != owner.Id ? PeerFor(view, owner, view.Node(id))?.Id : null;
        return [raise, new AddUnownedSlot(slot, owner, believed), .. others];
    }

    // SETSLOT accepts only an id that the node itself lists as a master.
    private static ClusterNode? PeerFor(ClusterView view, ClusterNode node, ClusterNode? wanted) => new[] { wanted }.Concat(view.Masters)
        .FirstOrDefault(peer => peer is not null && peer.Id != node.Id && node.View!.Line(peer.Id) is { IsMaster: true });

    // A node that neither owns nor imports may hide its keys. IMPORTING makes them visible.
    private static List<ClusterNode> Hiding(RepairRequest repair, SlotSituation situation) => situation.View.Masters
        .Where(node => !repair.NothingIsHidden && node.IsReachable && situation.KeysOn(node) is null)
        .Where(node => node.View!.Facts.Engine != ServerEngine.Garnet && !node.View.Self.ImportingFrom.ContainsKey(repair.Slot))
        .ToList();

    private static ClusterNode Choose(RepairRequest repair, SlotSituation situation, string state)
    {
        var view = situation.View;
        if (repair.ChosenOwnerId is { } chosen)
        {
            return view.ShardMaster(chosen) is { IsReachable: true } master ? master : throw repair.Undecided(
                "can't be assigned to a node that is not a master or does not answer.", new NextAction(NextActionCode.ShowNodes));
        }

        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var holders = situation.Holders.ToList();
        if (holders.Count == 1)
            return holders[0];
        if (holders.Count > 1)
        {
            var most = holders.OrderByDescending(node => situation.KeysOn(node)).ThenBy(node => node.Id, StringComparer.Ordinal).First();
            throw repair.Undecided(
                state + " and keys of it are on " + string.Join(" and ", holders.Select(node => RepairRequest.WithKeys(situation, node)))
                    + ". Only a person can choose the owner. The keys of the others are then moved there.",
                repair.Again with { Target = most.Name },
                masters.Any(node => node.View!.Self.ImportingFrom.ContainsKey(repair.Slot)));
        }

        // If there is only one master, no other node can hold keys.
        if (view.Masters.Count == 1)
            return view.Masters[0];
        if (!repair.NothingIsHidden && view.Masters.Any(node => node.IsReachable && situation.KeysOn(node) is null))
        {
            throw repair.Undecided(
                state + " and its masters do not report which of them holds its keys.", repair.Again with { Target = "<node>" });
        }

        return repair.LeastLoadedId is { } least && view.ShardMaster(least) is { IsReachable: true } empty
            ? empty
            : throw repair.Undecided(state + " and no reachable master could take it over.", new NextAction(NextActionCode.ShowNodes));
    }
}
