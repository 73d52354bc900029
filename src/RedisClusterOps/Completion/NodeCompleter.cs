using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Completion;

/// <summary>Completes a node: by <c>host:port</c>, or by its id if the word is the beginning of an id.</summary>
public class NodeCompleter : ClusterCompleter
{
    internal virtual bool Fits(RedisClusterNode node) => true;

    internal override IEnumerable<CompletionResult> Complete(string command, string word, IDictionary bound)
    {
        var nodes = (Query(command, bound, (cluster, stop) => cluster.ListNodesAsync(stop)) ?? []).Where(Fits).ToList();
        foreach (var node in nodes.Where(node => Begins(node.Endpoint, word)))
            yield return Result(node.Endpoint, node.Endpoint, ToolTip(node));
        foreach (var node in nodes.Where(node => word.Length > 0 && Begins(node.Id, word)))
            yield return Result(node.Id, node.Id.Substring(0, 8) + " " + node.Endpoint, ToolTip(node));
    }

    private static bool Begins(string name, string word) => name.StartsWith(word, StringComparison.OrdinalIgnoreCase);

    // Such as: 127.0.0.1:7001 master, slots 0-5460, id 5322cc09…
    private static string ToolTip(RedisClusterNode node) => string.Format(
        CultureInfo.InvariantCulture,
        "{0} {1}{2}, {3}, id {4}",
        node.Endpoint,
        node.Role == RedisNodeRole.Master ? "master" : "replica",
        node.State == RedisNodeState.Ok ? string.Empty : " (" + node.State + ")",
        SlotsOf(node),
        node.Id);

    private static string SlotsOf(RedisClusterNode node) => node.SlotCount == 0
        ? "no slots"
        : "slots " + string.Join(",", node.SlotRanges.Take(8)) + (node.SlotRanges.Count > 8 ? ",…" : string.Empty);
}

/// <summary>Completes a replica.</summary>
public sealed class ReplicaCompleter : NodeCompleter
{
    internal override bool Fits(RedisClusterNode node) => node.Role == RedisNodeRole.Replica;
}

/// <summary>Completes a master, as source or target of slots.</summary>
public sealed class MasterCompleter : NodeCompleter
{
    internal override bool Fits(RedisClusterNode node) => node.Role == RedisNodeRole.Master;
}
