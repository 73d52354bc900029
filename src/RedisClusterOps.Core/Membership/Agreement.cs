using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Membership;

/// <summary>What the nodes have to report, each in its own view, for a change to be complete. Pure.</summary>
internal static class Agreement
{
    private const int Shown = 3;
    private const NodeFlags NotKnown = NodeFlags.Handshake | NodeFlags.NoAddress;

    /// <summary>Every reachable node reports the replica, and the replica has loaded its master's data.</summary>
    public static Condition IsReplicaOf(string replicaId, string masterId) => Conditions.All(
        view => view.Node(replicaId) is { IsReachable: true } replica
            ? MissingAt(
                view.Nodes.Where(node => node.View?.Line(replicaId) is not { IsReplica: true } line || line.MasterId != masterId),
                " not show " + replica.Name + " as a replica of " + Name(view, masterId) + " yet")
            : new Missing(Name(view, replicaId) + " does not answer"),
        view => IsLinkUp(view, view.Node(replicaId)!, masterId));

    /// <summary>Every reachable node lists every one of these nodes at its address, and is connected to it.</summary>
    public static Condition IsListed(Func<ClusterView, IEnumerable<ClusterNode>> nodes) => view =>
    {
        foreach (var node in nodes(view))
        {
            var lacking = view.Nodes.Where(other => other.IsReachable && other.Id != node.Id && !Lists(other.View!, node));
            if (MissingAt(lacking, " not have a connection to " + node.Name + " yet") is { } missing)
            {
                return missing with
                {
                    Next = NextAction.Advise("let every node reach port " + node.Name + " and its bus port"
                        + (node.Line.BusPort == 0 ? string.Empty : " " + Number(node.Line.BusPort)) + "; then run the same command again"),
                };
            }
        }

        return null;
    };

    /// <summary>The reachable nodes for which the condition is not true yet, as a clause; null if there is none.</summary>
    public static Missing? MissingAt(IEnumerable<ClusterNode> nodes, string what)
    {
        var lacking = nodes.Where(node => node.IsReachable).ToList();
        return lacking.Count == 0 ? null
            : new Missing(Names(lacking) + (lacking.Count == 1 ? " does" : " do") + what);
    }

    /// <summary>The names of the first nodes, and the number of the others.</summary>
    public static string Names(IReadOnlyList<ClusterNode> nodes) => string.Join(", ", nodes.Take(Shown).Select(node => node.Name))
        + (nodes.Count > Shown ? " and " + Number(nodes.Count - Shown) + " more" : string.Empty);

    /// <summary>The address of a node of the view, otherwise its id.</summary>
    public static string Name(ClusterView view, string id) => view.Node(id)?.Name ?? id;

    /// <summary>A warning that some nodes can't confirm the change; none if all can be read.</summary>
    public static IEnumerable<string> Unasked(ClusterView view, params string?[] except)
    {
        var silent = view.Unreachable.Where(node => !except.Contains(node.Id)).ToList();
        if (silent.Count > 0)
            yield return Names(silent) + (silent.Count == 1 ? " can't" : " can't all") + " be read, and will not confirm the change.";
    }

    private static bool Lists(NodeView viewer, ClusterNode node) =>
        viewer.Line(node.Id) is { Connected: true } line && (line.Flags & NotKnown) == 0
            && (node.View is null || node.View.Self.Endpoint is not { } own || line.Endpoint is not { } listed || listed.Port == own.Port);

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
                + (left is > 0 ? ", " + Number(left.Value >> 20) + " MB are left to load"
                    : read is > 0 ? ", " + Number(read.Value >> 20) + " MB are loaded"
                    : string.Empty),
            NextAction.Advise("the log of " + replica.Name + " has the reason. If the cluster uses passwords, set masteruser and masterauth"
                + " there as on the other nodes; then run the same command again"));
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
