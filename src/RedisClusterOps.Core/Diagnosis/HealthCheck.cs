using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;
using static RedisClusterOps.RedisClusterFinding;

namespace RedisClusterOps.Diagnosis;

/// <summary>Derives findings from what was read: what is wrong, what clients see, and what to do next. Pure.</summary>
internal static class HealthCheck
{
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
        var findings = NodeFindings.Of(view, nodes, options.MinimumReplica)
            .Concat(MemberFindings.Of(view))
            .Concat(SlotFindings.Of(view, nodes, openSlots, strays))
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
}
