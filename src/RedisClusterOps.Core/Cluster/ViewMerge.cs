using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Merges the nodes' own views into one view of the cluster.</summary>
internal static class ViewMerge
{
    /// <summary>
    /// Removes nodes of other clusters. A node's former address may belong to another cluster by now, and seeds may be mistyped.
    /// </summary>
    /// <returns>The failures of the removed nodes, by the address that was dialled.</returns>
    /// <exception cref="RedisOperationException">ClusterViewConflict: the seeds belong to different clusters.</exception>
    public static IReadOnlyList<(NodeEndpoint Dialled, RedisOperationException Failure)> RemoveOtherClusters(
        Dictionary<string, NodeView> views, IReadOnlyList<NodeEndpoint> seeds)
    {
        var first = views.Values.OrderBy(view => IndexOf(view.Dialled, seeds)).FirstOrDefault();
        if (first is null || views.Values.All(view => first.Line(view.Id) is not null))
            return [];

        // A node belongs to this cluster if it knows one of its nodes or is known to one: some nodes may have forgotten it.
        var known = new HashSet<string>(first.Lines.Select(line => line.Id), StringComparer.Ordinal);
        var others = views.Values.Where(view => view.Id != first.Id).ToList();
        for (var before = int.MaxValue; others.Count < before;)
        {
            before = others.Count;
            var members = others.Where(view => view.Lines.Any(line => known.Contains(line.Id))).ToList();
            known.UnionWith(members.SelectMany(view => view.Lines).Select(line => line.Id));
            others.RemoveAll(members.Contains);
        }

        if (others.FirstOrDefault(view => seeds.Contains(view.Dialled)) is { } seed)
        {
            throw new RedisOperationException(
                FailureCode.ClusterViewConflict,
                first.Dialled + " and " + seed.Dialled
                    + " do not know each other: they are nodes of two clusters, or of one that has not been formed yet.",
                seed.Dialled.ToString(),
                new NextAction(NextActionCode.Connect) { Node = "<nodes of one cluster>" });
        }

        foreach (var view in others)
            views.Remove(view.Id);
        return others.Select(view => (view.Dialled, AnotherCluster(view.Dialled))).ToList();
    }

    /// <summary>The failure of an address where a node of another cluster answers.</summary>
    public static RedisOperationException AnotherCluster(NodeEndpoint dialled) => new(
        FailureCode.NodeUnreachable,
        "A node of another cluster answers at " + dialled + ".",
        dialled.ToString(),
        new NextAction(NextActionCode.ShowNodes));

    /// <summary>Merges the views.</summary>
    /// <param name="views">The views of all reachable nodes.</param>
    /// <param name="failures">Why other nodes could not be read, by the address that was dialled.</param>
    /// <param name="session">Translates announced addresses to those that were dialled.</param>
    public static ClusterView Of(
        IReadOnlyCollection<NodeView> views,
        IReadOnlyDictionary<NodeEndpoint, RedisOperationException> failures,
        RedisClusterSession session)
    {
        var byId = views.ToDictionary(view => view.Id, StringComparer.Ordinal);
        var nodes = LinesById(views)
            .OrderBy(lines => lines.Key, StringComparer.Ordinal)
            .Select(lines => Node(lines.Key, lines.Value, byId.TryGetValue(lines.Key, out var view) ? view : null, failures, session));
        return new ClusterView(nodes.ToList(), DateTime.UtcNow);
    }

    // What the other nodes report about each node. Most lines are equal, and then they are the same object and are kept once.
    private static Dictionary<string, List<NodeLine>> LinesById(IEnumerable<NodeView> views)
    {
        var byId = new Dictionary<string, List<NodeLine>>(StringComparer.Ordinal);
        foreach (var view in views)
        {
            foreach (var line in view.DistinctLines)
            {
                if (!byId.TryGetValue(line.Id, out var lines))
                    byId[line.Id] = lines = [];
                if (line.Id != view.Id && (lines.Count == 0 || !ReferenceEquals(lines[lines.Count - 1], line)))
                    lines.Add(line);
            }
        }

        return byId;
    }

    private static ClusterNode Node(
        string id,
        List<NodeLine> reported,
        NodeView? view,
        IReadOnlyDictionary<NodeEndpoint, RedisOperationException> failures,
        RedisClusterSession session)
    {
        // Newest first. A cluster of one node has only that node's own line.
        var lines = reported.OrderByDescending(line => line.ConfigEpoch).ToList();
        var line = view?.Self ?? lines[0];
        var announced = lines.Select(other => other.Endpoint).FirstOrDefault(endpoint => endpoint is not null)
            ?? view?.Self.Endpoint
            ?? view?.Dialled;
        var failure = view is null && announced is { } address && failures.TryGetValue(session.MapAddress(address), out var found)
            ? found
            : null;
        var trouble = view is not null ? null
            : failure is not null ? failure.Message.TrimEnd('.')
            : announced is null ? "no node knows its address"
            : lines.All(other => (other.Flags & NodeFlags.Handshake) != 0) ? "it was not asked because its handshake is not complete"
            : "no node with this id answered at its address";
        return new ClusterNode(id, announced, line, view, StateOf(lines.Append(line), view is not null), trouble) { Failure = failure };
    }

    private static RedisNodeState StateOf(IEnumerable<NodeLine> lines, bool reachable)
    {
        var flags = NodeFlags.None;
        foreach (var line in lines)
            flags |= line.Flags;
        return (flags & NodeFlags.Fail) != 0 ? RedisNodeState.Fail
            : (flags & NodeFlags.Handshake) != 0 ? RedisNodeState.Handshake
            : (flags & NodeFlags.NoAddress) != 0 ? RedisNodeState.NoAddress

            // PFail takes precedence over Unreachable: other nodes can't reach it either. The trouble says that we can't.
            : (flags & NodeFlags.PFail) != 0 ? RedisNodeState.PFail
            : !reachable ? RedisNodeState.Unreachable
            : RedisNodeState.Ok;
    }

    private static int IndexOf(NodeEndpoint dialled, IReadOnlyList<NodeEndpoint> seeds)
    {
        for (var i = 0; i < seeds.Count; i++)
        {
            if (seeds[i] == dialled)
                return i;
        }

        return seeds.Count;
    }

    /// <summary>No node could be read: the error has the reason for each address.</summary>
    public static RedisOperationException NothingReached(Dictionary<NodeEndpoint, RedisOperationException> failures)
    {
        var ordered = failures.OrderBy(failure => failure.Key).ToList();
        var reasons = string.Join("; ", ordered.Select(failure => Reason(failure.Key, failure.Value.Message)));

        // A code that all failures share is kept: a wrong password is not a connection failure.
        var codes = failures.Values.Select(failure => failure.Code).Distinct().ToList();
        var code = codes.Count == 1 ? codes[0] : FailureCode.ConnectionFailed;
        var actions = failures.Values.Select(failure => failure.Next).Distinct().ToList();
        var common = actions.Count == 1 && actions[0] != RedisConnectionException.DefaultNext ? actions[0] : null;
        return new RedisOperationException(
            code,
            "No node of the cluster could be read. " + reasons + ".",
            string.Join(",", ordered.Select(failure => failure.Key)),
            common ?? ServerErrors.NextOf(code) ?? new NextAction(NextActionCode.Connect) { Node = "<host:port of a node that is up>" });
    }

    // Most messages contain the endpoint.
    private static string Reason(NodeEndpoint endpoint, string message)
    {
        var trimmed = message.TrimEnd('.');
        return trimmed.IndexOf(endpoint.ToString(), StringComparison.Ordinal) >= 0 ? trimmed : endpoint + ": " + trimmed;
    }
}
