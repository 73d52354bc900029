using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps.Planning.Slots;

/// <summary>A slot that nobody serves gets an owner: the one that holds its keys, never one at random.</summary>
internal static class RepairCoverage
{
    /// <summary>Nobody owns it.</summary>
    public static SlotPlan PlanUnowned(RepairOperation repair, SlotSituation situation, SlotDiagnosis diagnosis)
    {
        var view = situation.View;
        if (view.Masters.FirstOrDefault(node => !node.IsReachable) is { } absent && !repair.What.AllowUnreachableNode)
            throw SlotRefusal.Unreachable(repair.Slot, absent, "given an owner", repair.WithoutNode("should " + absent.Name + " hold keys of it, it deletes them when it comes back"));
        var masters = view.Masters.Where(node => node.IsReachable).ToList();
        var hiding = Hiding(repair, situation);
        if (hiding.Count > 0 && masters.Count > 1)
        {
            return repair.PlanOf(diagnosis, null, null, hiding.Select(node => new SetImporting(repair.Slot, node, masters.First(other => other.Id != node.Id)) { OnlyReveals = true }))
                with { IsPartial = true };
        }

        var owner = Choose(repair, situation, "is owned by nobody,");
        return repair.PlanOf(diagnosis, null, owner, [new TakeUnowned(repair.Slot, owner), .. HandoverOrder.TellOthers(view, repair.Slot, owner)]) with { IsPartial = true };
    }

    /// <summary>Its owner does not answer.</summary>
    public static SlotPlan PlanAbsent(RepairOperation repair, SlotSituation situation, SlotDiagnosis? diagnosis, ClusterNode absent)
    {
        if (!repair.What.AllowUnreachableNode)
        {
            throw SlotRefusal.Unreachable(
                repair.Slot, absent, "repaired", new NextAction(NextActionCode.ShowNodes) { Note = "bring it back", Or = repair.WithoutNode("it then deletes its keys of the slot when it comes back") });
        }

        RefuseWhereReplicaWaits(repair, situation.View, absent);
        string[] lasting = ["When " + absent.Name + " comes back, it deletes the keys of slot " + repair.Slot + " that it has."];
        var hiding = repair.Chosen is null ? Hiding(repair, situation) : [];
        if (hiding.Count > 0)
            return repair.PlanOf(diagnosis, absent, null, hiding.Select(node => new SetImporting(repair.Slot, node, absent) { OnlyReveals = true })) with { IsPartial = true, Warnings = lasting, Lasting = lasting };
        var owner = Choose(repair, situation, "belongs to " + absent.Name + ", which does not answer,");
        return repair.PlanOf(diagnosis, absent, owner, [new TakeFromAbsent(repair.Slot, owner, absent), .. HandoverOrder.TellOthers(situation.View, repair.Slot, owner, absent)]) with
        {
            IsPartial = true,
            Warnings = lasting,
            Lasting = lasting,
        };
    }

    /// <exception cref="RedisOperationException">The master's keys are on a replica that answers: it has only to be promoted.</exception>
    public static void RefuseWhereReplicaWaits(RepairOperation repair, ClusterView view, ClusterNode absent)
    {
        if (view.Nodes.FirstOrDefault(node => node.IsReachable && !node.IsMaster && node.Line.MasterId == absent.Id) is { } replica)
        {
            throw SlotRefusal.Unreachable(
                repair.Slot, absent, "repaired", "redis-cli -h " + replica.View!.Dialled.Host + " -p " + replica.View.Dialled.Port + " CLUSTER FAILOVER TAKEOVER   (" + replica.Name + " is its replica, has its keys, and would be its successor)");
        }
    }

    // A node that neither owns nor imports may hide what it holds; importing brings it to light.
    private static List<ClusterNode> Hiding(RepairOperation repair, SlotSituation situation) => situation.View.Masters
        .Where(node => node.IsReachable && situation.KeysOn(node) is null && node.View!.Facts.Engine != ServerEngine.Garnet && !node.View.Self.ImportingFrom.ContainsKey(repair.Slot))
        .ToList();

    private static ClusterNode Choose(RepairOperation repair, SlotSituation situation, string what)
    {
        var view = situation.View;
        if (repair.Chosen is { } chosen)
        {
            return view.ShardMaster(chosen) is { IsReachable: true } master ? master
                : throw repair.Undecided("can't be given to a node that is no master or does not answer.", new NextAction(NextActionCode.ShowNodes));
        }

        var holders = situation.Holders.ToList();
        if (holders.Count == 1)
            return holders[0];
        if (holders.Count > 1)
        {
            throw repair.Undecided(
                what + " and keys of it are on " + string.Join(" and ", holders.Select(node => RepairOperation.Holding(situation, node))) + ". Who is to own it is a person's choice; the others' keys are then brought there.",
                repair.Again with { Target = holders.OrderByDescending(node => situation.KeysOn(node)).ThenBy(node => node.Id, System.StringComparer.Ordinal).First().Name });
        }

        // Alone, it may hide what it likes: nobody else could hold a key.
        if (view.Masters.Count == 1)
            return view.Masters[0];
        if (view.Masters.Any(node => node.IsReachable && situation.KeysOn(node) is null))
            throw repair.Undecided(what + " and its masters do not tell who holds keys of it.", repair.Again with { Target = "<node>" });
        return repair.LeastLoaded is { } least && view.ShardMaster(least) is { IsReachable: true } empty ? empty
            : throw repair.Undecided(what + " and no master that answers could take it.", new NextAction(NextActionCode.ShowNodes));
    }
}
