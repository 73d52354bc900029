using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>Makes a node a replica of a master.</summary>
/// <param name="Session">The cluster.</param>
/// <param name="Node">The name of the node.</param>
/// <param name="Master">The name of the master.</param>
internal sealed record ReplicaRequest(RedisClusterSession Session, string Node, string Master) : MembershipRequest(Session)
{
    /// <inheritdoc/>
    public override MembershipPlan Plan(MembershipSituation situation)
    {
        var view = situation.View;
        var node = NodeNames.Find(view, Node, Session.MapAddress);
        var master = NodeNames.Find(view, Master, Session.MapAddress);
        var proof = Agreement.IsReplicaOf(node.Id, master.Id);
        var warnings = Check(view, node, master).Concat(Agreement.Unasked(view, node.Line.MasterId)).ToList();
        return new MembershipPlan
        {
            Kind = MigrationOperation.SetReplica,
            Node = node.Name,
            NodeId = node.Id,
            Action = "set replica: replicate " + master.Name,
            Before = Role(view, node),
            After = "replica of " + master.Name,
            Warnings = warnings,
            IsDone = proof(view) is null,
            Steps = node.Line.MasterId == master.Id ? [] : [Step(node, master)],
            Reads = [new MembershipStep(node, RespCommand.Of("INFO", "replication"), string.Empty)],
            Proof = proof,
        };
    }

    /// <summary>What a node is, for people.</summary>
    public static string Role(ClusterView view, ClusterNode node)
    {
        var slots = view.SlotsOf(node.Id).Count;
        return !node.IsMaster ? "replica of " + Agreement.Name(view, node.Line.MasterId ?? "an unknown master")
            : "master of " + (slots == 0 ? "no slots" : Count(slots, "slot"));
    }

    /// <summary>The command.</summary>
    public static MembershipStep Step(ClusterNode node, ClusterNode master) => new(
        node,
        RespCommand.Of("CLUSTER", "REPLICATE", master.Id),
        node.Name + " drops its data and loads that of " + master.Name + ".");

    /// <summary>Refuses what would lose keys, or what the server would refuse.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="node">The node.</param>
    /// <param name="master">The master.</param>
    /// <param name="isNew">True if the node is not a member of the cluster yet.</param>
    /// <returns>What to know beforehand.</returns>
    /// <exception cref="RedisOperationException">NodeNotEmpty, NodeUnsuitable, InvalidArgument, or why a node can't be read.</exception>
    public static IEnumerable<string> Check(ClusterView view, ClusterNode node, ClusterNode master, bool isNew = false)
    {
        var change = node.Name + " can't become a replica of " + master.Name;
        foreach (var end in new[] { node, master }.Where(end => !end.IsReachable))
            throw NodeVerdict.Of(view, end).Refused(change);
        var masters = new NextAction(NextActionCode.ShowMasters);
        if (node.Id == master.Id)
            throw MembershipRefusal.Of(FailureCode.InvalidArgument, change, "it is the same node", node.Name, masters);
        if (!master.IsMaster)
        {
            var why = master.Name + " is a " + Role(view, master) + ", and a replica can't have replicas";
            throw MembershipRefusal.Of(FailureCode.InvalidArgument, change, why, master.Name, masters);
        }

        if (isNew)
            return Version(node, master);
        if (node.View!.Line(master.Id) is null)
        {
            throw MembershipRefusal.Unsuitable(
                change, node.Name + " does not list " + master.Name, node,
                new NextAction(NextActionCode.MeetNode) { Node = node.View.Dialled.ToString(), Target = master.Name });
        }

        return node.Line.MasterId == master.Id ? []
            : node.IsMaster ? CheckMaster(view, node, change)
            : CheckReplica(view, node, master, change).Concat(Version(node, master));
    }

    private static IEnumerable<string> CheckMaster(ClusterView view, ClusterNode node, string change)
    {
        if (view.SlotsOf(node.Id).Count is var slots && slots > 0)
        {
            throw MembershipRefusal.NotEmpty(
                change, "it owns " + Count(slots, "slot") + ", which would be lost", node,
                new NextAction(NextActionCode.MoveSlots) { Source = node.Name, Target = "<another master>" });
        }

        if (view.OpenFlags.FirstOrDefault(flag => flag.NodeId == node.Id || flag.PeerId == node.Id) is { NodeId: not null } open)
        {
            throw MembershipRefusal.Unsuitable(
                change, "slot " + Number(open.Slot) + " is open there", node,
                new NextAction(NextActionCode.ShowOpenSlots) { Slots = Number(open.Slot) });
        }

        MembershipRefusal.RequireNoUniqueKeys(node, change);
        if (view.Nodes.FirstOrDefault(other => other.Line.MasterId == node.Id) is { } own)
        {
            throw MembershipRefusal.Unsuitable(
                change, own.Name + " is its replica", node,
                new NextAction(NextActionCode.SetReplica) { Node = own.Name, Target = "<another master>" });
        }

        return [];
    }

    private static IEnumerable<string> CheckReplica(ClusterView view, ClusterNode node, ClusterNode master, string change)
    {
        var keys = node.View!.KeyCount;
        if (node.View.Facts.Engine == ServerEngine.Garnet)
        {
            throw MembershipRefusal.Unsuitable(
                change, "Garnet does not give a replica another master", node,
                new NextAction(NextActionCode.RemoveNode) { Node = node.Name, Note = "then add it as a replica of " + master.Name });
        }

        var former = node.Line.MasterId is { } id ? view.Node(id) : null;
        if (former is { IsReachable: false } && view.SlotsOf(former.Id).Count is var slots && slots > 0)
        {
            throw MembershipRefusal.Unsuitable(
                change,
                "its master " + former.Name + " owns " + Count(slots, "slot") + " and can't be read, so " + node.Name
                    + " may hold the only copy of their keys", node,
                NodeVerdict.Of(view, former).Cure);
        }

        MembershipRefusal.RequireNoUniqueKeys(node, change);
        if (keys is not 0)
        {
            yield return node.Name + " drops " + (keys is { } known ? Count(known, "key") : "its keys") + ", copies of those on "
                + (former?.Name ?? "its master") + ", and loads those of " + master.Name + ".";
        }

        if (former is not null && view.SlotsOf(former.Id).Count > 0
            && view.Nodes.All(other => other.Id == node.Id || other.Line.MasterId != former.Id))
        {
            yield return former.Name + " is then without a replica. If cluster-allow-replica-migration is on, the servers may give it "
                + node.Name + " or another one.";
        }
    }

    // A snapshot of a later version can't be loaded; the reverse is the usual way to upgrade.
    private static IEnumerable<string> Version(ClusterNode node, ClusterNode master)
    {
        var (own, its) = (node.View!.Facts, master.View!.Facts);
        var isOlder = System.Version.TryParse(own.Version, out var replica) && System.Version.TryParse(its.Version, out var of)
            && (replica.Major, replica.Minor).CompareTo((of.Major, of.Minor)) < 0;
        if (own.Engine != its.Engine || isOlder)
        {
            yield return node.Name + " runs " + own.Engine + " " + own.Version + ", and " + master.Name + " " + its.Engine + " "
                + its.Version + ": it may not be able to load the master's data.";
        }
    }
}
