using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Diagnosis;

/// <summary>Derives findings from what was read: what is wrong, what clients see, and what to do next. Pure.</summary>
internal static class HealthCheck
{
    private const double MemoryWarning = 0.80;
    private const double MemoryError = 0.95;
    private const double CpuWarning = 90;
    private const long LagWarning = 10 * 1024 * 1024;
    private const int ShownDissenters = 5;

    /// <param name="view">The cluster.</param>
    /// <param name="nodes">Its nodes with their load.</param>
    /// <param name="openSlots">Its open slots.</param>
    /// <param name="strays">By id of the master: slots that it holds keys of and does not own; null if they were not counted.</param>
    /// <param name="options">What to check.</param>
    /// <param name="session">The cluster that the result names.</param>
    public static RedisClusterHealth Check(
        ClusterView view,
        IReadOnlyList<RedisClusterNode> nodes,
        IReadOnlyList<RedisOpenSlot> openSlots,
        IReadOnlyDictionary<string, SlotSet>? strays,
        HealthOptions options,
        RedisClusterSession session)
    {
        var findings = nodes.SelectMany(node => NodeFindings(view, node))
            .Concat(SilentNodeFindings(view))
            .Concat(MemberFindings.Of(view))
            .Concat(nodes.SelectMany(ReplicationFindings))
            .Concat(nodes.SelectMany(LoadFindings))
            .Concat(ReplicaCountFindings(nodes, options.MinimumReplica))
            .Concat(ReplicaHostFindings(nodes))
            .Concat(UncoveredFindings(view, nodes))
            .Concat(OpenSlotFindings(openSlots))
            .Concat(OwnerConflictFindings(view))
            .Concat(StrayFindings(view, openSlots, strays))
            .Concat(ClusterFindings(view, nodes))
            .GroupBy(finding => finding.Next switch
            {
                { } next when Lists(next.Code) => finding with { Target = string.Empty, Next = next with { Node = null } },
                _ when finding.Code == FindingCode.TooFewReplicas => finding with { Target = string.Empty },
                _ => finding,
            })
            .Select(Joined)
            .OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Code)
            .ToList();
        return new RedisClusterHealth
        {
            Healthy = findings.All(finding => finding.Severity == FindingSeverity.Information),
            Findings = findings,
            Nodes = nodes,
            OpenSlots = openSlots,
            Cluster = session,
        };
    }

    // Nodes that say the same are one finding, if one command shows them all.
    private static RedisClusterFinding Joined(IGrouping<RedisClusterFinding, RedisClusterFinding> same)
    {
        var targets = same.Select(finding => finding.Target).Distinct().ToList();
        return targets.Count == 1 ? same.First() : same.Key with
        {
            Target = string.Join(",", targets),
            Message = Number(targets.Count) + " nodes, each: " + same.Key.Message,
        };
    }

    private static bool Lists(NextActionCode code) => code is NextActionCode.ShowNodes or NextActionCode.ShowReplicas;

    private static IEnumerable<RedisClusterFinding> NodeFindings(ClusterView view, RedisClusterNode node)
    {
        var next = Advice(view, node);
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

    // For a node that could not be read, the cure of that.
    private static NextAction Advice(ClusterView view, RedisClusterNode node)
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
                    + " Clients that read from it get old values.",
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

    private static IEnumerable<RedisClusterFinding> UncoveredFindings(ClusterView view, IReadOnlyList<RedisClusterNode> nodes)
    {
        if (view.UnownedSlots is { Count: > 0 } unowned)
        {
            var have = unowned.Count == 1 ? " has" : " have";
            yield return Error(
                FindingCode.SlotUncovered,
                unowned.ToString(),
                Count(unowned.Count, "slot") + have + " no owner. Clients get CLUSTERDOWN.",
                Repair(unowned));
        }

        // A node that only this machine can't read serves its clients.
        foreach (var node in nodes.Where(node => node.SlotCount > 0 && node.State == RedisNodeState.Fail))
        {
            yield return Error(
                FindingCode.SlotUncovered,
                string.Join(",", node.SlotRanges),
                "The cluster has marked the owner " + node.Endpoint + " as failed. Clients get errors or wait.",
                Advice(view, node));
        }
    }

    private static IEnumerable<RedisClusterFinding> OpenSlotFindings(IReadOnlyList<RedisOpenSlot> openSlots)
    {
        foreach (var group in OpenSlotGroup.Of(openSlots.Where(open =>
            open.State is not (RedisOpenSlotState.Unowned or RedisOpenSlotState.Atomic or RedisOpenSlotState.ClaimedWithoutEpoch))))
            yield return Error(FindingCode.SlotOpen, group.Target, group.What + ". Clients: " + group.ClientsSee + ".", group.Next);

        var moving = openSlots.Where(open => open.State == RedisOpenSlotState.Atomic);
        foreach (var tasks in moving.GroupBy(open => (open.Source, open.Target)))
        {
            yield return Information(
                FindingCode.AtomicMigrationRunning,
                SlotSet.From(tasks.Select(open => open.Slot)).ToString(),
                "The servers are moving these slots from " + tasks.Key.Source + " to " + tasks.Key.Target + ".",
                new NextAction(NextActionCode.ShowOpenSlots));
        }
    }

    private static IEnumerable<RedisClusterFinding> OwnerConflictFindings(ClusterView view)
    {
        var disputed = view.DisputedSlots();
        if (disputed.Count == 0)
            yield break;
        var example = disputed.Ranges[0].First;
        var dissenters = view.Dissenters(example, view.OwnerOf(example));
        var shown = dissenters.Take(ShownDissenters).Select(dissent => dissent.Node.Name + " reports "
            + (dissent.Owner is null ? "no owner" : (view.Node(dissent.Owner)?.Name ?? dissent.Owner) + " as the owner"));
        var rest = dissenters.Count - ShownDissenters;
        var more = rest > 0 ? ", and " + Count(rest, "more node") + (rest == 1 ? " differs" : " differ") : string.Empty;
        yield return Error(
            FindingCode.SlotOwnerConflict,
            disputed.ToString(),
            "Nodes report different owners, so clients are sent to different masters. Slot " + Number(example) + ": "
                + string.Join(", ", shown) + more + ".",
            Repair(disputed));
    }

    private static IEnumerable<RedisClusterFinding> StrayFindings(
        ClusterView view, IReadOnlyList<RedisOpenSlot> openSlots, IReadOnlyDictionary<string, SlotSet>? strays)
    {
        // The target of an open migration legitimately holds keys of a slot that it does not own.
        var open = new HashSet<int>(openSlots.Where(slot => slot.State != RedisOpenSlotState.StrayKeys).Select(slot => slot.Slot));
        foreach (var stray in strays ?? new Dictionary<string, SlotSet>())
        {
            var slots = SlotSet.From(stray.Value.Slots.Where(slot => !open.Contains(slot)));
            if (slots.Count == 0)
                continue;
            yield return Warning(
                FindingCode.StrayKeys,
                view.Node(stray.Key)!.Name,
                "The node holds keys of slots that it does not own (" + slots + "). Clients can't see these keys.",
                Repair(slots));
        }
    }

    private static IEnumerable<RedisClusterFinding> ClusterFindings(ClusterView view, IReadOnlyList<RedisClusterNode> nodes)
    {
        var down = view.Nodes.Where(node =>
            node.View?.ClusterInfo is { } info && info.TryGetValue("cluster_state", out var state) && state != "ok").ToList();
        if (down.Count > 0)
        {
            var all = down.Count == view.Nodes.Count(node => node.IsReachable) ? "Every reachable node (" + Number(down.Count) + ") reports"
                : Number(down.Count) + " nodes report";
            yield return Error(
                FindingCode.ClusterStateFail,
                string.Join(",", down.Select(node => node.Name)),
                down.Count == 1 ? "The node reports that the cluster is down, and answers CLUSTERDOWN."
                    : all + " that the cluster is down. Clients get CLUSTERDOWN from them.",
                new NextAction(NextActionCode.ShowCluster));
        }

        // Replicas carry their master's epoch, so only masters must differ.
        var epochs = view.Masters.Where(node => node.Line.Slots.Count > 0 || node.IsReachable).GroupBy(node => node.Line.ConfigEpoch);
        foreach (var group in epochs.Where(group => group.Key > 0 && group.Count() > 1))
        {
            yield return Warning(
                FindingCode.EpochCollision,
                string.Join(",", group.Select(node => node.Name)),
                "These masters have the same config epoch " + group.Key.ToString(CultureInfo.InvariantCulture)
                    + ", so the servers could not resolve a conflict about a slot between them. Clients are not affected."
                    + " Servers normally correct this within seconds.",
                new NextAction(NextActionCode.ShowEpochs));
        }

        var versions = nodes.Where(node => node.Version is not null).Select(node => node.Engine + " " + node.Version).Distinct().ToList();
        if (versions.Count > 1)
        {
            yield return Information(
                FindingCode.MixedVersions,
                "cluster",
                "The nodes run different servers: " + string.Join(", ", versions)
                    + ". Keys can be moved to a newer version, but not always back.",
                new NextAction(NextActionCode.ShowVersions));
        }
    }

    // Several slots are repaired together: without a slot the repair covers all that are wrong.
    private static NextAction Repair(SlotSet slots) => new(NextActionCode.Repair) { Slots = slots.Count == 1 ? slots.ToString() : null };

    private static NextAction Show(RedisClusterNode node) => new(NextActionCode.ShowNodes) { Node = node.Endpoint };

    private static RedisClusterFinding Error(FindingCode code, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = FindingSeverity.Error, Target = target, Message = message, Next = next };

    private static RedisClusterFinding Warning(FindingCode code, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = FindingSeverity.Warning, Target = target, Message = message, Next = next };

    private static RedisClusterFinding Information(FindingCode code, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = FindingSeverity.Information, Target = target, Message = message, Next = next };
}
