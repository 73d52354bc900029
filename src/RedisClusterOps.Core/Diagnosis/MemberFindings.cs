using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;
using static RedisClusterOps.RedisClusterFinding;

namespace RedisClusterOps.Diagnosis;

/// <summary>Compares the members and addresses in the nodes' views, as slots are compared. Pure.</summary>
internal static class MemberFindings
{
    public static IEnumerable<RedisClusterFinding> Of(ClusterView view) =>
        [.. NotKnownToAll(view), .. AddressConflicts(view), .. ReplacedIds(view), .. Handshakes(view), .. ReplicaFlags(view)];

    // Nodes that the same nodes do not list are one finding.
    private static IEnumerable<RedisClusterFinding> NotKnownToAll(ClusterView view)
    {
        var viewers = view.Nodes.Where(node => node.IsReachable).ToList();
        var missing = view.Nodes.Where(node => node.State != RedisNodeState.Handshake)
            .Select(node => (Node: node, Strangers: viewers.Where(viewer => !Lists(viewer, node)).ToList()))
            .Where(each => each.Strangers.Count > 0)
            .Select(each => (each.Node, each.Strangers, Verdict: NodeVerdict.Of(view, each.Node)));
        foreach (var group in missing.GroupBy(
            each => (string.Join(",", each.Strangers.Select(node => node.Id)), each.Verdict.Condition)))
        {
            var (node, strangers, verdict) = group.First();
            var nodes = group.Select(each => each.Node).ToList();
            var known = viewers.Where(viewer => viewer.View!.Line(node.Id) is not null && viewer.Id != node.Id).ToList();
            var isEmpty = nodes.All(each => view.SlotsOf(each.Id).Count == 0);
            yield return Warning(
                FindingCode.NodeNotKnownToAll,
                string.Join(",", nodes.Select(each => each.Name)),
                NodeNames.First(strangers) + (strangers.Count == 1 ? " does not list " : " do not list ")
                    + (nodes.Count == 1 ? "this node. " : "these nodes. ")
                    + (known.Count == 0 ? string.Empty : NodeNames.First(known) + (known.Count == 1 ? " does. " : " do. "))
                    + (verdict.IsDead ? "It is dead, and was not forgotten everywhere."
                        : "Redirects between them fail, and a slot can't be moved between them."),
                verdict switch
                {
                    { Condition: NodeCondition.Reachable } => new NextAction(NextActionCode.MeetNode)
                    {
                        Node = strangers[0].View!.Dialled.ToString(),
                        Target = node.Name,
                    },
                    { IsDead: true } when isEmpty => NodeVerdict.Forget(node),
                    _ => verdict.Cure,
                });
        }
    }

    private static bool Lists(ClusterNode viewer, ClusterNode node) => viewer.Id == node.Id || viewer.View!.Line(node.Id) is not null;

    private static IEnumerable<RedisClusterFinding> AddressConflicts(ClusterView view)
    {
        foreach (var node in view.Nodes)
        {
            var listed = view.Nodes.Where(other => other.IsReachable)
                .Select(other => (Viewer: other, Address: other.View!.Line(node.Id)?.Endpoint))
                .Where(each => each.Address is not null)
                .GroupBy(each => each.Address!.Value)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key).ToList();
            if (listed.Count < 2)
                continue;
            var places = listed.Select(group => NodeNames.First(group.Select(each => each.Viewer).ToList())
                + (group.Count() == 1 ? " lists it at " : " list it at ") + group.Key);
            yield return Warning(
                FindingCode.AddressConflict,
                node.Name,
                string.Join("; ", places) + ". Clients that are redirected to the wrong address get errors.",
                node.IsReachable
                    ? new NextAction(NextActionCode.MeetNode)
                    {
                        Node = listed[listed.Count - 1].First().Viewer.View!.Dialled.ToString(),
                        Target = (node.View!.Self.Endpoint ?? node.View.Dialled).ToString(),
                    }
                    : NodeVerdict.Of(view, node).Cure);
        }
    }

    // A node that lost its configuration file returns at its address under another id.
    private static IEnumerable<RedisClusterFinding> ReplacedIds(ClusterView view)
    {
        foreach (var former in view.Nodes.Where(node =>
            node is { IsReachable: false, Announced: not null, State: not RedisNodeState.Handshake }))
        {
            if (view.Nodes.FirstOrDefault(node => node.IsReachable && node.Announced == former.Announced) is not { } present)
                continue;
            var slots = view.SlotsOf(former.Id).Count;
            yield return Warning(
                FindingCode.IdReplaced,
                former.Id,
                "At " + present.Name + " the node " + present.ShortId + " answers. "
                    + NodeNames.First(NodeVerdict.KnownTo(view, former).ToList()) + " still list " + former.ShortId + " there"
                    + (slots > 0 ? ", which owns " + Count(slots, "slot") + "." : "."),
                slots > 0 ? NodeVerdict.Of(view, former).Cure : NodeVerdict.Forget(former));
        }
    }

    // Until a handshake is complete, each node makes up an id of its own for the same address.
    private static IEnumerable<RedisClusterFinding> Handshakes(ClusterView view)
    {
        foreach (var group in view.Nodes.Where(node => node.State == RedisNodeState.Handshake).GroupBy(node => node.Name))
        {
            var known = group.SelectMany(node => NodeVerdict.KnownTo(view, node)).Distinct().ToList();
            yield return Warning(
                FindingCode.NodeHandshake,
                group.Key,
                (known.Count == 0 ? "The node is" : "For " + NodeNames.First(known) + " the node is")
                    + " still in handshake. If this lasts, its bus port is unreachable, or no node runs there."
                    + " Clients do not see the node.",
                new NextAction(NextActionCode.MeetNode)
                {
                    Target = group.Key,
                    Note = "once every node can reach its bus port",
                    Or = new NextAction(NextActionCode.RemoveNode)
                    {
                        Node = string.Join(",", group.Select(node => node.Id)),
                        Note = "if no node runs there",
                    },
                });
        }
    }

    private static IEnumerable<RedisClusterFinding> ReplicaFlags(ClusterView view)
    {
        foreach (var flags in view.ReplicaFlags.GroupBy(flag => flag.NodeId))
        {
            var slots = SlotSet.From(flags.Select(flag => flag.Slot).Distinct());
            var replica = view.Node(flags.Key)!;
            yield return Warning(
                FindingCode.ReplicaFlags,
                replica.Name,
                "The replica has slots " + slots + " open, and its master has not. After a failover they would be open. Clients are not"
                    + " affected now.",
                new NextAction(NextActionCode.Repair) { Slots = slots.Count == 1 ? slots.ToString() : null });
        }
    }
}
