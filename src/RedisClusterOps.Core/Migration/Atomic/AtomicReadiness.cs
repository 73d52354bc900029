using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Whether two nodes are such that slots can move between them, before anything is begun.</summary>
internal static class AtomicReadiness
{
    /// <summary>The slots that the source still owns; those that the target owns already are done.</summary>
    /// <exception cref="RedisOperationException">SlotNotOwned: one of them is a third node's, or nobody's.</exception>
    public static SlotSet Left(AtomicLook look, SlotSet slots, ClusterNode source, ClusterNode target)
    {
        var left = new List<int>();
        foreach (var slot in slots.Slots)
        {
            var owner = look.Source.OwnerOf(slot);
            if (owner == source.Id)
                left.Add(slot);
            else if (owner != target.Id)
                throw AtomicText.Failed(FailureCode.SlotNotOwned, "slot " + SlotSet.From([slot]) + " is " + NameOf(look.Source, owner) + ", not " + source.Name + "'s", new NextAction(NextActionCode.ShowNodes));
        }

        return SlotSet.From(left);
    }

    /// <summary>Both are masters, and have no slot open: the servers refuse otherwise, some of them only after they have begun.</summary>
    /// <exception cref="RedisOperationException">StalePlan or SlotStateUnsuitable.</exception>
    public static void Require(AtomicLook look, ClusterNode source, ClusterNode target)
    {
        foreach (var (node, view) in new[] { (source, look.Source), (target, look.Target) })
        {
            if (!view.Self.IsMaster)
                throw AtomicText.Failed(FailureCode.StalePlan, node.Name + " is a replica now", new NextAction(NextActionCode.ShowNodes));
            var open = SlotSet.From(view.Self.MigratingTo.Keys.Concat(view.Self.ImportingFrom.Keys));
            if (open.Count > 0)
            {
                throw AtomicText.Failed(
                    FailureCode.SlotStateUnsuitable,
                    node.Name + " has " + AtomicText.Of(open) + " open, and moves none by itself until " + (open.Count == 1 ? "it is" : "they are") + " completed or undone",
                    new NextAction(NextActionCode.Complete) { Slots = open.Ranges[0].First.ToString(CultureInfo.InvariantCulture) });
            }
        }
    }

    private static string NameOf(NodeView view, string? id) =>
        id is null ? "nobody's" : (view.Line(id)?.Endpoint?.ToString() ?? id) + "'s";
}
