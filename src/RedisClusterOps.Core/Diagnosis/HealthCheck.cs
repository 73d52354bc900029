using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Diagnosis;

/// <summary>From what was read to findings: what it is, what clients see of it, what to run. Pure.</summary>
internal static class HealthCheck
{
    private const double MemoryWarning = 0.80;
    private const double MemoryError = 0.95;
    private const double CpuWarning = 90;
    private const long LagWarning = 10 * 1024 * 1024;
    private const int ShownDissenters = 5;

    /// <param name="strays">Slots with keys on a master that does not own them, by that master's id; null where they were not counted.</param>
    public static RedisClusterHealth Check(
        ClusterView view,
        IReadOnlyList<RedisClusterNode> nodes,
        IReadOnlyList<RedisOpenSlot> openSlots,
        IReadOnlyDictionary<string, SlotSet>? strays,
        HealthOptions options,
        RedisClusterSession session)
    {
        var findings = nodes.SelectMany(NodeFindings)
            .Concat(nodes.SelectMany(ReplicationFindings))
            .Concat(nodes.SelectMany(LoadFindings))
            .Concat(ReplicaCountFindings(nodes, options.MinimumReplica))
            .Concat(SlotFindings(view, nodes, openSlots))
            .Concat(StrayFindings(view, openSlots, strays))
            .Concat(ClusterFindings(view, nodes))
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

    private static IEnumerable<RedisClusterFinding> NodeFindings(RedisClusterNode node)
    {
        var next = Show(node);
        var slots = node.SlotCount > 0 ? "; clients can't reach its " + Count(node.SlotCount, "slot") : string.Empty;
        switch (node.State)
        {
            case RedisNodeState.Fail:
                yield return Error(FindingCode.NodeFail, node.Endpoint, "The cluster agreed that this node is down" + slots + ".", next);
                break;
            case RedisNodeState.PFail:
                yield return Warning(FindingCode.NodePFail, node.Endpoint, "At least one node can't reach it; the cluster has not given it up yet. Clients notice only if it really hangs: they wait for its answers.", next);
                break;
            case RedisNodeState.Handshake:
                yield return Warning(FindingCode.NodeHandshake, node.Endpoint, "It is still being introduced to the cluster; a handshake that lasts means that its bus port can't be reached. Clients do not see it.", next);
                break;
            case RedisNodeState.NoAddress:
                yield return Warning(FindingCode.NodeNoAddress, node.Id, "Nobody knows an address of this node: it was restarted as another, or moved. Clients are not sent to it.", next);
                break;
        }

        // Neither of these was asked.
        if (node.Trouble is not null && node.State is not (RedisNodeState.NoAddress or RedisNodeState.Handshake))
            yield return Error(FindingCode.NodeUnreachable, node.Endpoint, "It does not answer us: " + node.Trouble + ". Clients that reach it as we do get errors or wait" + (node.SlotCount > 0 ? " for its " + Count(node.SlotCount, "slot") : string.Empty) + ".", next);
    }

    private static IEnumerable<RedisClusterFinding> ReplicationFindings(RedisClusterNode node)
    {
        if (node.Role != RedisNodeRole.Replica)
            yield break;
        var next = Show(node);
        if (node.MasterLinkStatus == "down")
            yield return Error(FindingCode.ReplicaLinkDown, node.Endpoint, "It has lost its link to its master: it falls behind and can't take over safely. Clients that read from it read old values.", next);
        else if (node.ReplicationLag > LagWarning)
            yield return Warning(FindingCode.ReplicaLag, node.Endpoint, "It is " + Megabytes(node.ReplicationLag.Value) + " behind its master; a failover now would lose that much.", next);
    }

    private static IEnumerable<RedisClusterFinding> LoadFindings(RedisClusterNode node)
    {
        var next = Show(node);
        if (node.MaxMemory > 0 && node.UsedMemory is { } used && used > MemoryWarning * node.MaxMemory.Value)
        {
            var message = "It uses " + Megabytes(used) + " of the " + Megabytes(node.MaxMemory.Value) + " it may; at the limit it evicts keys or refuses writes, and keys can't be moved to it.";
            yield return used > MemoryError * node.MaxMemory.Value
                ? Error(FindingCode.MemoryPressure, node.Endpoint, message, next)
                : Warning(FindingCode.MemoryPressure, node.Endpoint, message, next);
        }

        if (node.CpuPercent > CpuWarning)
            yield return Warning(FindingCode.CpuPressure, node.Endpoint, "It uses " + node.CpuPercent.Value.ToString("0", CultureInfo.InvariantCulture) + " % of a core; commands run on one core, so they wait.", next);
    }

    private static IEnumerable<RedisClusterFinding> ReplicaCountFindings(IReadOnlyList<RedisClusterNode> nodes, int minimum) => nodes
        .Where(node => node is { Role: RedisNodeRole.Master, SlotCount: > 0 } && node.ReplicaCount < minimum)
        .Select(node => Warning(
            FindingCode.TooFewReplicas, node.Endpoint, "It has " + Count(node.ReplicaCount, "replica") + ", asked for were " + minimum.ToString(CultureInfo.InvariantCulture) + ". Should it die with none left, its slots are gone until it comes back.", new NextAction(NextActionCode.ShowReplicas)));

    private static IEnumerable<RedisClusterFinding> SlotFindings(ClusterView view, IReadOnlyList<RedisClusterNode> nodes, IReadOnlyList<RedisOpenSlot> openSlots)
    {
        if (view.UnownedSlots is { Count: > 0 } unowned)
            yield return Error(FindingCode.SlotUncovered, unowned.ToString(), Count(unowned.Count, "slot") + (unowned.Count == 1 ? " belongs" : " belong") + " to nobody: clients get CLUSTERDOWN.", Repair(unowned));
        foreach (var node in nodes.Where(node => node.SlotCount > 0 && (node.State == RedisNodeState.Fail || node.Trouble is not null)))
        {
            yield return Error(
                FindingCode.SlotUncovered, string.Join(",", node.SlotRanges), "Their owner " + node.Endpoint + " is down or out of reach: clients get errors or wait.", Show(node));
        }

        foreach (var open in openSlots.Where(open => open.State is not (RedisOpenSlotState.Unowned or RedisOpenSlotState.Atomic or RedisOpenSlotState.ClaimedWithoutEpoch)))
        {
            var ends = open.Source is not null && open.Target is not null ? ", " + open.Source + " -> " + open.Target : string.Empty;
            yield return Error(FindingCode.SlotOpen, open.Slot.ToString(CultureInfo.InvariantCulture), open.State + ends + ". Clients: " + open.ClientsSee + ".", open.Next);
        }

        foreach (var tasks in openSlots.Where(open => open.State == RedisOpenSlotState.Atomic).GroupBy(open => (open.Source, open.Target)))
        {
            yield return Information(
                FindingCode.AtomicMigrationRunning, SlotSet.From(tasks.Select(open => open.Slot)).ToString(), "The servers are moving them from " + tasks.Key.Source + " to " + tasks.Key.Target + ".", new NextAction(NextActionCode.ShowOpenSlots));
        }

        var disputed = view.DisputedSlots();
        if (disputed.Count > 0)
        {
            var example = disputed.Ranges[0].First;
            var dissenters = view.Dissenters(example, view.OwnerOf(example));
            yield return Error(
                FindingCode.SlotOwnerConflict,
                disputed.ToString(),
                "Not everybody names the same owner. Of slot " + example.ToString(CultureInfo.InvariantCulture) + ": "
                    + string.Join(", ", dissenters.Take(ShownDissenters).Select(dissent => dissent.Node.Name + " takes " + (dissent.Owner is null ? "nobody" : view.Node(dissent.Owner)?.Name ?? dissent.Owner)))
                    + " for it" + (dissenters.Count > ShownDissenters ? ", and so on with " + Count(dissenters.Count - ShownDissenters, "more node") : string.Empty) + ".",
                Repair(disputed));
        }
    }

    private static IEnumerable<RedisClusterFinding> StrayFindings(ClusterView view, IReadOnlyList<RedisOpenSlot> openSlots, IReadOnlyDictionary<string, SlotSet>? strays)
    {
        // The target of an open migration holds keys of a slot that it does not own, as it must.
        var open = new HashSet<int>(openSlots.Where(slot => slot.State != RedisOpenSlotState.StrayKeys).Select(slot => slot.Slot));
        foreach (var stray in strays ?? new Dictionary<string, SlotSet>())
        {
            var slots = SlotSet.From(stray.Value.Slots.Where(slot => !open.Contains(slot)));
            if (slots.Count == 0)
                continue;
            var name = view.Node(stray.Key)!.Name;
            yield return Warning(
                FindingCode.StrayKeys, name, "It holds keys of slots that it does not own (" + slots + "); clients can't see them.",
                Repair(slots));
        }
    }

    private static IEnumerable<RedisClusterFinding> ClusterFindings(ClusterView view, IReadOnlyList<RedisClusterNode> nodes)
    {
        foreach (var node in view.Nodes.Where(node => node.View?.ClusterInfo is { } info && info.TryGetValue("cluster_state", out var state) && state != "ok"))
            yield return Error(FindingCode.ClusterStateFail, node.Name, "By its own view the cluster is not serving: it answers CLUSTERDOWN.", new NextAction(NextActionCode.ShowCluster));

        // Replicas carry their master's epoch; only masters must differ.
        foreach (var group in view.Masters.Where(node => node.Line.Slots.Count > 0 || node.IsReachable).GroupBy(node => node.Line.ConfigEpoch).Where(group => group.Key > 0 && group.Count() > 1))
        {
            yield return Warning(
                FindingCode.EpochCollision, string.Join(",", group.Select(node => node.Name)), "They have the same config epoch " + group.Key.ToString(CultureInfo.InvariantCulture)
                    + "; a conflict about a slot between them could not be decided. Clients notice nothing. Servers settle this by themselves within seconds.", new NextAction(NextActionCode.ShowEpochs));
        }

        var versions = nodes.Where(node => node.Version is not null).Select(node => node.Engine + " " + node.Version).Distinct().ToList();
        if (versions.Count > 1)
            yield return Information(FindingCode.MixedVersions, "cluster", "Different servers run: " + string.Join(", ", versions) + ". Keys move from older to newer, not always back.", new NextAction(NextActionCode.ShowVersions));
    }

    // Of one slot by its number; of many all that is wrong, which finds them again.
    private static NextAction Repair(SlotSet slots) => new(NextActionCode.Repair) { Slots = slots.Count == 1 ? slots.ToString() : null };

    private static NextAction Show(RedisClusterNode node) => new(NextActionCode.ShowNodes) { Node = node.Endpoint };

    private static RedisClusterFinding Error(FindingCode code, string target, string message, NextAction? next) => Finding(code, FindingSeverity.Error, target, message, next);

    private static RedisClusterFinding Warning(FindingCode code, string target, string message, NextAction? next) => Finding(code, FindingSeverity.Warning, target, message, next);

    private static RedisClusterFinding Information(FindingCode code, string target, string message, NextAction? next) => Finding(code, FindingSeverity.Information, target, message, next);

    private static RedisClusterFinding Finding(FindingCode code, FindingSeverity severity, string target, string message, NextAction? next) =>
        new() { Code = code, Severity = severity, Target = target, Message = message, Next = next };

    private static string Count(int count, string noun) => count.ToString(CultureInfo.InvariantCulture) + " " + noun + (count == 1 ? string.Empty : "s");

    private static string Megabytes(long bytes) => (bytes / 1048576.0).ToString("0.#", CultureInfo.InvariantCulture) + " MB";
}
