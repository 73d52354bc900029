using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Makes the public objects from the merged view.</summary>
internal static class NodeReport
{
    public static IReadOnlyList<RedisClusterNode> Nodes(ClusterView view, RedisClusterSession session)
    {
        var replicas = view.Nodes.Where(node => node.Line.MasterId is not null)
            .ToLookup(node => node.Line.MasterId!, node => node.Name, StringComparer.Ordinal);
        var disconnected = Disconnected(view);
        return view.Nodes
            .OrderBy(node => node.Announced is null).ThenBy(node => node.Announced).ThenBy(node => node.Id, StringComparer.Ordinal)
            .Select(node => Node(view, node, replicas[node.Id], disconnected.Contains(node.Id), session))
            .ToList();
    }

    public static RedisClusterInfo Info(ClusterView view, int openSlots, RedisClusterSession session)
    {
        var reachable = view.Nodes.Where(node => node.IsReachable).ToList();
        var masters = reachable.Where(node => node.IsMaster).ToList();
        return new RedisClusterInfo
        {
            State = reachable.All(node => Field(node, "cluster_state") == "ok") ? "ok" : "fail",
            SlotsAssigned = (int)Numbers("cluster_slots_assigned").DefaultIfEmpty(0).Min(),
            SlotsOk = (int)Numbers("cluster_slots_ok").DefaultIfEmpty(0).Min(),
            SlotsPFail = (int)Numbers("cluster_slots_pfail").DefaultIfEmpty(0).Max(),
            SlotsFail = (int)Numbers("cluster_slots_fail").DefaultIfEmpty(0).Max(),
            OpenSlots = openSlots,
            KnownNodes = view.Nodes.Count,
            ReachableNodes = reachable.Count,
            Size = view.SlotsByOwner.Count,
            Masters = view.Nodes.Count(node => node.IsMaster),
            Replicas = view.Nodes.Count(node => node.Line.MasterId is not null),
            CurrentEpoch = Numbers("cluster_current_epoch").DefaultIfEmpty(0).Max(),
            HighestConfigEpoch = view.Nodes.Max(node => node.Line.ConfigEpoch),
            KeyCount = masters.Sum(node => node.View!.KeyCount ?? 0),
            UsedMemory = masters.Sum(node => node.View!.Facts.Number("used_memory") ?? 0),
            Engines = reachable.Select(node => node.View!.Facts.Engine).Distinct().OrderBy(engine => engine).ToList(),
            Versions = reachable.Select(node => node.View!.Facts.Version ?? "?")
                .Distinct()
                .OrderBy(version => version, StringComparer.Ordinal)
                .ToList(),
            Views = reachable.OrderBy(node => node.Announced).Select(Opinion).ToList(),
            Differences = Differences(reachable),
            Fingerprint = view.Fingerprint,
            Cluster = session,
        };

        IEnumerable<long> Numbers(string name) => reachable.Select(node => Number(node, name)).OfType<long>();
    }

    private static RedisClusterOpinion Opinion(ClusterNode node) => new()
    {
        Node = node.Name,
        State = Printable.Clean(Field(node, "cluster_state") ?? "unknown", 20),
        SlotsAssigned = (int?)Number(node, "cluster_slots_assigned"),
        SlotsOk = (int?)Number(node, "cluster_slots_ok"),
        SlotsPFail = (int?)Number(node, "cluster_slots_pfail"),
        SlotsFail = (int?)Number(node, "cluster_slots_fail"),
        KnownNodes = (int?)Number(node, "cluster_known_nodes"),
        CurrentEpoch = Number(node, "cluster_current_epoch"),
    };

    private static RedisClusterNode Node(
        ClusterView view, ClusterNode node, IEnumerable<string> replicas, bool disconnected, RedisClusterSession session)
    {
        var owned = view.SlotsOf(node.Id);
        var facts = node.View?.Facts ?? ServerFacts.None;
        return new RedisClusterNode
        {
            Id = node.Id,
            Host = node.Announced?.Host ?? string.Empty,
            Port = node.Announced?.Port ?? 0,
            Endpoint = node.Name,
            Role = node.State == RedisNodeState.Handshake ? null : node.IsMaster ? RedisNodeRole.Master : RedisNodeRole.Replica,
            Master = node.Line.MasterId is { } master ? view.Node(master)?.Name : null,
            MasterId = node.Line.MasterId,
            State = node.State,
            LinkState = disconnected ? "disconnected" : "connected",
            ConfigEpoch = node.Line.ConfigEpoch,
            SlotCount = owned.Count,
            SlotRanges = owned.Ranges.Select(range => range.ToString()).ToList(),
            KeyCount = node.View?.KeyCount,
            UsedMemory = facts.Number("used_memory"),
            MaxMemory = facts.Number("maxmemory"),
            OpsPerSecond = facts.Number("instantaneous_ops_per_sec"),
            CpuPercent = node.View?.CpuPercent,
            ReplicationOffset = Offset(node),
            ReplicationLag = Lag(view, node),
            MasterLinkStatus = facts.Text("master_link_status") is { } link ? Printable.Clean(link, 20) : null,
            BacklogSize = facts.Number("repl_backlog_size"),
            Replicas = replicas.OrderBy(name => name, StringComparer.Ordinal).ToList(),
            Engine = facts.Engine,
            Version = facts.Version,
            Trouble = node.Trouble,
            Cluster = session,
        };
    }

    // The nodes to which at least one other node has no cluster bus link.
    private static HashSet<string> Disconnected(ClusterView view)
    {
        var disconnected = new HashSet<string>(StringComparer.Ordinal);
        foreach (var other in view.Nodes.Select(node => node.View).OfType<NodeView>())
            disconnected.UnionWith(other.DistinctLines.Where(line => !line.Connected && line.Id != other.Id).Select(line => line.Id));
        return disconnected;
    }

    private static long? Offset(ClusterNode node) => node.IsMaster
        ? node.View?.Facts.Number("master_repl_offset")
        : node.View?.Facts.ReplicaOffset;

    // For a replica, the lag behind its master, which also reports the offset of a replica that is unreachable from here.
    // For a master, the lag of its slowest connected replica.
    private static long? Lag(ClusterView view, ClusterNode node)
    {
        if (!node.IsMaster)
        {
            if (node.Line.MasterId is not { } id || view.Node(id) is not { } master || Offset(master) is not { } masterOffset)
                return null;
            var offset = Offset(node) ?? (node.Announced is { } address ? master.View!.Facts.OffsetOfReplica(address) : null);
            return offset is { } known ? Math.Max(0, masterOffset - known) : null;
        }

        if (Offset(node) is not { } own)
            return null;
        var replicas = node.View!.Facts.ReplicaOffsets;
        return replicas.Count == 0 ? null : Math.Max(0, own - replicas.Min());
    }

    private static List<string> Differences(List<ClusterNode> nodes)
    {
        string[] names =
        [
            "cluster_state",
            "cluster_slots_assigned",
            "cluster_slots_ok",
            "cluster_slots_pfail",
            "cluster_slots_fail",
            "cluster_known_nodes",
        ];
        var differences = new List<string>();
        foreach (var name in names)
        {
            var groups = nodes.GroupBy(node => Field(node, name) ?? "?", StringComparer.Ordinal)
                .OrderByDescending(group => group.Count())
                .ToList();
            var majority = groups.Count > 1 ? ", most nodes report " + Printable.Clean(groups[0].Key, 40) : string.Empty;
            foreach (var group in groups.Skip(1))
            {
                var value = Printable.Clean(group.Key, 40);
                differences.AddRange(group.Select(node => node.Name + " reports " + name + " " + value + majority));
            }
        }

        return differences;
    }

    private static string? Field(ClusterNode node, string name) => node.View!.ClusterInfo.TryGetValue(name, out var value) ? value : null;

    private static long? Number(ClusterNode node, string name) =>
        long.TryParse(Field(node, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
