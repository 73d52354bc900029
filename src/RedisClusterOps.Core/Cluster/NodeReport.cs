using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>From the merged view to the objects that people and scripts get.</summary>
internal static class NodeReport
{
    public static IReadOnlyList<RedisClusterNode> Nodes(ClusterView view, RedisClusterSession session)
    {
        var replicas = view.Nodes.Where(node => node.Line.MasterId is not null).ToLookup(node => node.Line.MasterId!, node => node.Name, StringComparer.Ordinal);
        var cut = Disconnected(view);
        return view.Nodes
            .OrderBy(node => node.Announced is null).ThenBy(node => node.Announced).ThenBy(node => node.Id, StringComparer.Ordinal)
            .Select(node => Node(view, node, replicas[node.Id], cut.Contains(node.Id), session))
            .ToList();
    }

    public static RedisClusterInfo Info(ClusterView view, int openSlots, RedisClusterSession session)
    {
        var answers = view.Nodes.Where(node => node.IsReachable).ToList();
        var masters = answers.Where(node => node.IsMaster).ToList();
        return new RedisClusterInfo
        {
            State = answers.All(node => Field(node, "cluster_state") == "ok") ? "ok" : "fail",
            SlotsAssigned = (int)Numbers("cluster_slots_assigned").DefaultIfEmpty(0).Min(),
            SlotsOk = (int)Numbers("cluster_slots_ok").DefaultIfEmpty(0).Min(),
            SlotsPFail = (int)Numbers("cluster_slots_pfail").DefaultIfEmpty(0).Max(),
            SlotsFail = (int)Numbers("cluster_slots_fail").DefaultIfEmpty(0).Max(),
            OpenSlots = openSlots,
            KnownNodes = view.Nodes.Count,
            ReachableNodes = answers.Count,
            Size = view.SlotsByOwner.Count,
            CurrentEpoch = Numbers("cluster_current_epoch").DefaultIfEmpty(0).Max(),
            HighestConfigEpoch = view.Nodes.Max(node => node.Line.ConfigEpoch),
            KeyCount = masters.Sum(node => node.View!.KeyCount ?? 0),
            UsedMemory = masters.Sum(node => node.View!.Facts.Number("used_memory") ?? 0),
            Engines = answers.Select(node => node.View!.Facts.Engine).Distinct().OrderBy(engine => engine).ToList(),
            Versions = answers.Select(node => node.View!.Facts.Version ?? "?").Distinct().OrderBy(version => version, StringComparer.Ordinal).ToList(),
            Views = answers.OrderBy(node => node.Announced).Select(Opinion).ToList(),
            Differences = Differences(answers),
            Fingerprint = view.Fingerprint,
            Cluster = session,
        };

        IEnumerable<long> Numbers(string name) => answers.Select(node => Number(node, name)).Where(value => value.HasValue).Select(value => value!.Value);
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

    private static RedisClusterNode Node(ClusterView view, ClusterNode node, IEnumerable<string> replicas, bool cut, RedisClusterSession session)
    {
        var owned = view.SlotsOf(node.Id);
        var facts = node.View?.Facts ?? ServerFacts.None;
        return new RedisClusterNode
        {
            Id = node.Id,
            Host = node.Announced?.Host ?? string.Empty,
            Port = node.Announced?.Port ?? 0,
            Endpoint = node.Name,
            Role = node.IsMaster ? RedisNodeRole.Master : RedisNodeRole.Replica,
            MasterId = node.Line.MasterId,
            State = node.State,
            LinkState = cut ? "disconnected" : "connected",
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

    // Those to which any other node has no link.
    private static HashSet<string> Disconnected(ClusterView view)
    {
        var cut = new HashSet<string>(StringComparer.Ordinal);
        foreach (var said in view.Nodes.Select(node => node.View).OfType<NodeView>())
            cut.UnionWith(said.LineOfEach.Where(line => !line.Connected && line.Id != said.Id).Select(line => line.Id));
        return cut;
    }

    private static long? Offset(ClusterNode node) => node.IsMaster
        ? node.View?.Facts.Number("master_repl_offset")
        : node.View?.Facts.Number("slave_repl_offset");

    // A replica against its master, who knows how far one that does not answer us has come; a master against the slowest of the replicas that it has connected.
    private static long? Lag(ClusterView view, ClusterNode node)
    {
        if (!node.IsMaster)
        {
            return node.Line.MasterId is { } id && view.Node(id) is { } master && Offset(master) is { } ahead
                && (Offset(node) ?? (node.Announced is { } address ? master.View!.Facts.OffsetOfReplica(address) : null)) is { } its
                ? Math.Max(0, ahead - its)
                : null;
        }

        if (Offset(node) is not { } mine)
            return null;
        var replicas = node.View!.Facts.ReplicaOffsets;
        return replicas.Count == 0 ? null : Math.Max(0, mine - replicas.Min());
    }

    private static List<string> Differences(List<ClusterNode> answers)
    {
        var names = new[] { "cluster_state", "cluster_slots_assigned", "cluster_slots_ok", "cluster_slots_pfail", "cluster_slots_fail", "cluster_known_nodes" };
        var differences = new List<string>();
        foreach (var name in names)
        {
            var groups = answers.GroupBy(node => Field(node, name) ?? "?", StringComparer.Ordinal).OrderByDescending(group => group.Count()).ToList();
            differences.AddRange(groups.Skip(1).SelectMany(group => group.Select(node =>
                node.Name + " says " + name + " " + Printable.Clean(group.Key, 40) + ", most say " + Printable.Clean(groups[0].Key, 40))));
        }

        return differences;
    }

    private static string? Field(ClusterNode node, string name) => node.View!.ClusterInfo.TryGetValue(name, out var value) ? value : null;

    private static long? Number(ClusterNode node, string name) =>
        long.TryParse(Field(node, name), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;
}
