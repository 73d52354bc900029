using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;
using static RedisClusterOps.RedisClusterFinding;

namespace RedisClusterOps.Diagnosis;

/// <summary>Derives findings about nodes: whether they answer, their load, and their replicas. Pure.</summary>
internal static class NodeFindings
{
    private const double MemoryWarning = 0.80;
    private const double MemoryError = 0.95;
    private const double CpuWarning = 90;
    private const long LagWarning = 10 * 1024 * 1024;

    /// <param name="view">The cluster.</param>
    /// <param name="nodes">Its nodes with their load.</param>
    /// <param name="minimumReplica">The number of replicas that each master with slots must have.</param>
    public static IEnumerable<RedisClusterFinding> Of(ClusterView view, IReadOnlyList<RedisClusterNode> nodes, int minimumReplica) =>
    [
        .. nodes.SelectMany(node => StateFindings(view, node)),
        .. SilentNodeFindings(view),
        .. nodes.SelectMany(ReplicationFindings),
        .. nodes.SelectMany(LoadFindings),
        .. ReplicaCountFindings(nodes, minimumReplica),
        .. ReplicaHostFindings(nodes),
    ];

    private static IEnumerable<RedisClusterFinding> StateFindings(ClusterView view, RedisClusterNode node)
    {
        var next = CureOf(view, node);
        switch (node.State)
        {
            case RedisNodeState.Fail:
                var slots = node.SlotCount > 0 ? " Clients can't reach its " + Count(node.SlotCount, "slot") + "." : string.Empty;
                var isEmpty = node.SlotCount == 0 && node.Role == RedisNodeRole.Master;
                var listed = isEmpty ? " It owns no slot. " + ListedBy(view, node) : string.Empty;
                yield return Error(
                    FindingCode.NodeFail, node.Endpoint, "The cluster has marked this node as failed." + slots + listed, next);
                break;
            case RedisNodeState.PFail:
                yield return Warning(
                    FindingCode.NodePFail,
                    node.Endpoint,
                    "At least one node can't reach this node, but the cluster has not marked it as failed."
                        + " If it really hangs, its clients wait.",
                    next);
                break;
            case RedisNodeState.NoAddress:
                yield return Warning(
                    FindingCode.NodeNoAddress,
                    node.Id,
                    "No node knows the address of this node: it restarted under another id, or moved. Clients are not sent to it. "
                        + ListedBy(view, node),
                    next);
                break;
        }
    }

    // Nodes that fail for the same reason are one finding. No connection was attempted to a node without an address or in handshake.
    private static IEnumerable<RedisClusterFinding> SilentNodeFindings(ClusterView view)
    {
        var silent = view.Nodes
            .Where(node => node.Trouble is not null && node.State is not (RedisNodeState.NoAddress or RedisNodeState.Handshake))
            .Select(node => NodeVerdict.Of(view, node)).ToList();
        foreach (var refusing in silent.Where(verdict => verdict.Condition == NodeCondition.Refusing).GroupBy(verdict => verdict.Code))
            yield return SilentNodes(view, CodeOf(refusing.First().Code), [.. refusing], "Its clients may get the same answer.");
        var unreachable = silent.Where(verdict => verdict.Condition == NodeCondition.UnreachableFromHere).ToList();
        if (unreachable.Count > 0)
        {
            yield return SilentNodes(
                view, FindingCode.NodeUnreachable, unreachable, "Clients on the same network path get errors or wait.");
        }

        foreach (var verdict in silent.Where(verdict =>
            verdict.Condition is not (NodeCondition.Refusing or NodeCondition.UnreachableFromHere)))
            yield return SilentNodes(view, FindingCode.NodeUnreachable, [verdict], "Clients get errors or wait.");
    }

    private static RedisClusterFinding SilentNodes(
        ClusterView view, FindingCode code, IReadOnlyList<NodeVerdict> nodes, string clients)
    {
        var slots = nodes.Sum(verdict => view.SlotsOf(verdict.Node.Id).Count);
        var of = slots > 0 ? " This concerns " + Count(slots, "slot") + "." : string.Empty;
        var subject = nodes.Count == 1 ? "The node " : Number(nodes.Count) + " nodes: the first ";
        return Error(
            code,
            string.Join(",", nodes.Select(verdict => verdict.Node.Name)),
            subject + nodes[0].Reason + ". " + clients + of,
            nodes[0].Cure);
    }

    private static FindingCode CodeOf(FailureCode code) => code switch
    {
        FailureCode.NodeBusy => FindingCode.NodeBusy,
        FailureCode.NodeLoading => FindingCode.NodeLoading,
        FailureCode.AuthenticationFailed => FindingCode.AuthenticationFailed,
        FailureCode.TooManyClients => FindingCode.TooManyClients,
        _ => FindingCode.NodeRefused,
    };

    /// <summary>What to do about a node: if it could not be read, the cure of that.</summary>
    public static NextAction CureOf(ClusterView view, RedisClusterNode node)
    {
        if (view.Node(node.Id) is not { IsReachable: false, State: not RedisNodeState.Handshake } unread)
            return Show(node);
        var verdict = NodeVerdict.Of(view, unread);
        return verdict is { IsDead: true, Successor: null } && node.SlotCount == 0
            ? verdict.Cure with { Or = NodeVerdict.Forget(unread) with { Note = "if it is gone for good" } }
            : verdict.Cure;
    }

    private static string ListedBy(ClusterView view, RedisClusterNode node)
    {
        var known = view.Node(node.Id) is { } listed ? NodeVerdict.KnownTo(view, listed).Count() : 0;
        return Count(known, "node") + " still " + (known == 1 ? "lists" : "list") + " it.";
    }

    private static IEnumerable<RedisClusterFinding> ReplicationFindings(RedisClusterNode node)
    {
        if (node.Role != RedisNodeRole.Replica)
            yield break;
        if (node.MasterLinkStatus == "down")
        {
            yield return Error(
                FindingCode.ReplicaLinkDown,
                node.Endpoint,
                "The replica has lost the link to its master. It falls behind and can't take over safely."
                    + " Clients that read from it get old values, or MASTERDOWN errors if its replica-serve-stale-data is no.",
                Show(node));
        }
        else if (node.ReplicationLag > LagWarning)
        {
            yield return Warning(
                FindingCode.ReplicaLag,
                node.Endpoint,
                "The replica is " + Size(node.ReplicationLag.Value) + " behind its master. A failover now would lose that much.",
                Show(node));
        }
    }

    private static IEnumerable<RedisClusterFinding> LoadFindings(RedisClusterNode node)
    {
        if (node.MaxMemory > 0 && node.UsedMemory is { } used && used > MemoryWarning * node.MaxMemory.Value)
        {
            var message = "The node uses " + Size(used) + " of its maxmemory of " + Size(node.MaxMemory.Value)
                + ". At the limit it evicts keys or refuses writes, and no key can be moved to it.";
            yield return used > MemoryError * node.MaxMemory.Value
                ? Error(FindingCode.MemoryPressure, node.Endpoint, message, Show(node))
                : Warning(FindingCode.MemoryPressure, node.Endpoint, message, Show(node));
        }

        if (node.CpuPercent > CpuWarning)
        {
            var percent = node.CpuPercent.Value.ToString("0", CultureInfo.InvariantCulture);
            yield return Warning(
                FindingCode.CpuPressure,
                node.Endpoint,
                "The node uses " + percent + " % of a core. Commands run on one core, so clients wait.",
                Show(node));
        }
    }

    private static IEnumerable<RedisClusterFinding> ReplicaCountFindings(IReadOnlyList<RedisClusterNode> nodes, int minimum)
    {
        var lacking = nodes.Where(node => node is { Role: RedisNodeRole.Master, SlotCount: > 0 } && node.ReplicaCount < minimum).ToList();
        var master = lacking.Count == 1 ? lacking[0].Endpoint : "<master>";
        return lacking.Select(node => Warning(
            FindingCode.TooFewReplicas,
            node.Endpoint,
            "The master has " + Count(node.ReplicaCount, "replica") + ", fewer than the required " + Number(minimum)
                + ". If it fails without a replica, its slots are unavailable until it is running again.",
            new NextAction(NextActionCode.AddNode)
            {
                Node = "<host:port of an empty node>",
                Target = master,
                Or = new NextAction(NextActionCode.SetReplica) { Node = "<replica of another master>", Target = master },
            }));
    }

    // On a single host there is no better place.
    private static IEnumerable<RedisClusterFinding> ReplicaHostFindings(IReadOnlyList<RedisClusterNode> nodes)
    {
        if (nodes.Select(node => node.Host).Where(host => host.Length > 0).Distinct().Take(2).Count() < 2)
            yield break;
        var masters = nodes.ToDictionary(node => node.Id, node => node.Host);
        foreach (var replica in nodes.Where(node => node is { MasterId: not null, Host.Length: > 0 }
            && masters.TryGetValue(node.MasterId, out var host) && host == node.Host))
        {
            yield return Warning(
                FindingCode.ReplicaOnMasterHost,
                replica.Endpoint,
                "The replica runs on the host of its master. If the host fails, both fail, and no replica can take over.",
                new NextAction(NextActionCode.ShowReplicas));
        }
    }

    private static NextAction Show(RedisClusterNode node) => new(NextActionCode.ShowNodes) { Node = node.Endpoint };
}
