using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>From what each node said to one view of the cluster.</summary>
internal static class ViewMerge
{
    /// <param name="views">Of every node that answered.</param>
    /// <param name="failures">Why others did not, by the address that was dialled.</param>
    public static ClusterView Of(
        IReadOnlyCollection<NodeView> views, IReadOnlyDictionary<NodeEndpoint, RedisOperationException> failures, RedisClusterSession session)
    {
        var byId = views.ToDictionary(view => view.Id, StringComparer.Ordinal);
        var nodes = SaidOf(views)
            .OrderBy(said => said.Key, StringComparer.Ordinal)
            .Select(said => Node(said.Key, said.Value, byId.TryGetValue(said.Key, out var view) ? view : null, failures, session));
        return new ClusterView(nodes.ToList(), DateTime.UtcNow);
    }

    // Of each id what the others say. Most say the same, and then it is the same object.
    private static Dictionary<string, List<NodeLine>> SaidOf(IEnumerable<NodeView> views)
    {
        var said = new Dictionary<string, List<NodeLine>>(StringComparer.Ordinal);
        foreach (var view in views)
        {
            foreach (var line in view.LineOfEach)
            {
                if (!said.TryGetValue(line.Id, out var lines))
                    said[line.Id] = lines = [];
                if (line.Id != view.Id && (lines.Count == 0 || !ReferenceEquals(lines[lines.Count - 1], line)))
                    lines.Add(line);
            }
        }

        return said;
    }

    private static ClusterNode Node(
        string id, List<NodeLine> said, NodeView? view, IReadOnlyDictionary<NodeEndpoint, RedisOperationException> failures, RedisClusterSession session)
    {
        // The youngest knowledge first; a node alone in its cluster has only itself.
        var lines = said.OrderByDescending(line => line.ConfigEpoch).ToList();
        var line = view?.Self ?? lines[0];
        var announced = lines.Select(other => other.Endpoint).FirstOrDefault(endpoint => endpoint is not null) ?? view?.Self.Endpoint ?? view?.Dialled;
        var trouble = view is not null ? null
            : announced is { } address && failures.TryGetValue(session.Reach(address), out var failure) ? failure.Message.TrimEnd('.')
            : announced is null ? "no node knows its address"
            : lines.All(other => (other.Flags & NodeFlags.Handshake) != 0) ? "it was not asked, for it is still being introduced"
            : "it did not answer as this node";
        return new ClusterNode(id, announced, line, view, StateOf(lines.Append(line), view is not null), trouble);
    }

    private static RedisNodeState StateOf(IEnumerable<NodeLine> lines, bool reachable)
    {
        var flags = NodeFlags.None;
        foreach (var line in lines)
            flags |= line.Flags;
        return (flags & NodeFlags.Fail) != 0 ? RedisNodeState.Fail
            : (flags & NodeFlags.Handshake) != 0 ? RedisNodeState.Handshake
            : (flags & NodeFlags.NoAddress) != 0 ? RedisNodeState.NoAddress
            // That others can't reach it either says more than that we can't, which the trouble says anyway.
            : (flags & NodeFlags.PFail) != 0 ? RedisNodeState.PFail
            : !reachable ? RedisNodeState.Unreachable
            : RedisNodeState.Ok;
    }
}
