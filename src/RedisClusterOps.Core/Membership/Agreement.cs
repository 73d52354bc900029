using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Membership;

/// <summary>What the nodes have to report, each in its own view, for a change to be complete. Pure.</summary>
internal static class Agreement
{
    /// <summary>Every reachable node reports the replica, and the replica has loaded its master's data.</summary>
    public static Condition IsReplicaOf(string replicaId, string masterId) => Conditions.All(
        view => view.Node(replicaId) is { IsReachable: true } replica
            ? MissingAt(
                view.Nodes.Where(node => node.View?.Line(replicaId) is not { IsReplica: true } line || line.MasterId != masterId),
                " not show " + replica.Name + " as a replica of " + Name(view, masterId) + " yet")
            : new Missing(Name(view, replicaId) + " does not answer"),
        view => IsLinkUp(view, view.Node(replicaId)!, masterId));

    /// <summary>Every reachable node lists the node at its address and is connected to it, and it lists every reachable node.</summary>
    public static Condition IsMember(string id) => view => view.Node(id) is { IsReachable: true } node
        ? NotListed(view, node) ?? view.Nodes.Where(other => other.IsReachable && other.Id != id && !Lists(node.View!, other.Id))
            .Select(other => new Missing(node.Name + " does not have a connection to " + other.Name + " yet", Reach(other)))
            .FirstOrDefault()
        : new Missing("no node lists " + Name(view, id) + " at its address yet", Reach(view.Node(id)));

    /// <summary>Every reachable node lists every other one at its address, and is connected to it.</summary>
    public static Missing? AllListed(ClusterView view) => view.Nodes.Where(node => node.IsReachable)
        .Select(node => NotListed(view, node)).FirstOrDefault(missing => missing is not null);

    /// <summary>No reachable node has a handshake in progress: a node that was met twice is listed twice until it ends.</summary>
    public static Missing? NoHandshake(ClusterView view) => MissingAt(
        view.Nodes.Where(node => node.View?.Lines.Any(line => (line.Flags & NodeFlags.Handshake) != 0) == true),
        " not know every node by its id yet");

    /// <summary>Every reachable node serves.</summary>
    public static Missing? IsServing(ClusterView view) => MissingAt(
        view.Nodes.Where(node => node.View is { } own && own.ClusterInfo.TryGetValue("cluster_state", out var state) && state != "ok"),
        " not report cluster_state:ok yet");

    /// <summary>True if the node lists the other one, and has a connection to it.</summary>
    /// <remarks>A connection proves the address: the servers drop one on which another node answers.</remarks>
    public static bool Lists(NodeView viewer, string id) =>
        viewer.Line(id) is { Connected: true } line && (line.Flags & (NodeFlags.Handshake | NodeFlags.NoAddress)) == 0;

    /// <summary>The reachable nodes for which the condition is not true yet, as a clause; null if there is none.</summary>
    public static Missing? MissingAt(IEnumerable<ClusterNode> nodes, string what, NextAction? next = null)
    {
        var lacking = nodes.Where(node => node.IsReachable).ToList();
        return lacking.Count == 0 ? null
            : new Missing(NodeNames.First(lacking) + (lacking.Count == 1 ? " does" : " do") + what, next);
    }

    /// <summary>The address of a node of the view, otherwise its id.</summary>
    public static string Name(ClusterView view, string id) => view.Node(id)?.Name ?? id;

    /// <summary>A warning that some nodes can't confirm the change; none if all can be read.</summary>
    public static IEnumerable<string> Unasked(ClusterView view, params string?[] except)
    {
        var silent = view.Unreachable.Where(node => !except.Contains(node.Id)).ToList();
        if (silent.Count == 0)
            yield break;
        var verb = silent.Count == 1 ? " can't" : " can't all";
        yield return NodeNames.First(silent) + verb + " be read, and will not confirm the change.";
    }

    private static Missing? NotListed(ClusterView view, ClusterNode node) => MissingAt(
        view.Nodes.Where(other => other.IsReachable && other.Id != node.Id && !Lists(other.View!, node.Id)),
        " not have a connection to " + node.Name + " yet",
        Reach(node));

    private static NextAction Reach(ClusterNode? node) => NextAction.Advise(
        "let every node reach " + (node is null ? "its port" : node.Name) + " and its bus port"
            + (node is null or { Line.BusPort: 0 } ? string.Empty : " " + Number(node.Line.BusPort)) + "; then run the same command again");

    // A replica that loads a large snapshot changes the number of bytes that are left, so the wait continues.
    private static Missing? IsLinkUp(ClusterView view, ClusterNode replica, string masterId)
    {
        var facts = replica.View!.Facts;
        if (facts.Text("master_link_status") is null or "up" && facts.Number("master_sync_in_progress") is null or 0)
            return null;
        var left = facts.Number("master_sync_left_bytes");
        var read = facts.Number("master_sync_read_bytes");
        return new Missing(
            replica.Name + "'s link to " + Name(view, masterId) + " is not up"
                + (left is > 0 ? ", " + Size(left.Value) + " are left to load"
                    : read is > 0 ? ", " + Size(read.Value) + " are loaded"
                    : string.Empty),
            NextAction.Advise("the log of " + replica.Name + " has the reason. If the cluster uses passwords, set masteruser and masterauth"
                + " there as on the other nodes; then run the same command again"));
    }
}
