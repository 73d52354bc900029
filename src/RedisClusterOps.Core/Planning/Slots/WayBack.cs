using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Planning.Slots;

/// <summary>Why slots can't go to the master that they have to go to. They never go to another.</summary>
internal static class WayBack
{
    /// <param name="view">The cluster.</param>
    /// <param name="slots">The slots.</param>
    /// <param name="owner">The node that owns them now.</param>
    /// <param name="id">The node that they have to go to, which is no master now.</param>
    /// <param name="name">Its name when the run began.</param>
    /// <param name="again">The operation to repeat when that node is a master again.</param>
    public static RedisOperationException Refusal(
        ClusterView view, SlotSet slots, ClusterNode owner, string id, string name, NextAction again)
    {
        var node = view.Node(id);
        var those = (slots.Count == 1 ? "Slot " : "Slots ") + Printable.Clean(slots.ToString(), 100);
        var why = node is null ? "which is not part of the cluster any more"
            : node.Line.MasterId is { } masterId ? "which is a replica of " + (view.Node(masterId)?.Name ?? masterId) + " now"
                + ": a master that hands over its last slot becomes one"
            : "which is no longer a master";
        var stay = (slots.Count == 1 ? "It stays" : "They stay") + " on " + owner.Name + ".";
        return new RedisOperationException(
            FailureCode.SlotStateUnsuitable,
            those + " can't go to " + (node?.Name ?? name) + ", " + why + ". " + stay + SlotRefusal.NothingChanged,
            slots.Count == 1 ? Number(slots.Ranges[0].First) : owner.Name,
            node is { IsMaster: false, IsReachable: true }
                ? again with { Note = Promotion(view, node) }
                : new NextAction(NextActionCode.ShowNodes));
    }

    // CLUSTER RESET keeps the id of the node and drops its copy of another master's keys. A master that holds keys refuses it.
    private static string Promotion(ClusterView view, ClusterNode node)
    {
        var peer = node.Line.MasterId is { } id && view.Node(id) is { IsReachable: true } master ? master
            : view.Masters.First(other => other.IsReachable);
        var (port, busPort) = (peer.Announced?.Port ?? 0, peer.Line.BusPort);
        var bus = busPort > 0 && busPort != port + 10_000 ? " " + Number(busPort) : string.Empty;
        return "after CLUSTER RESET SOFT and CLUSTER MEET " + peer.Announced?.Host + " " + Number(port) + bus + " on "
            + node.Name + ", which make it an empty master again";
    }
}
