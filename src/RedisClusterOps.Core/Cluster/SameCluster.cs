using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>Keeps two clusters apart. An address may have gone to another cluster's node since it was announced, and seeds may be mistyped.</summary>
internal static class SameCluster
{
    /// <summary>Takes out what has nothing to do with the seed that answered first.</summary>
    /// <returns>The failures of those that were dialled because a node announced them.</returns>
    /// <exception cref="RedisOperationException">ClusterViewConflict: the seeds are of different clusters.</exception>
    public static IReadOnlyList<(NodeEndpoint Dialled, RedisOperationException Failure)> Sift(Dictionary<string, NodeView> views, IReadOnlyList<NodeEndpoint> seeds)
    {
        if (views.Values.OrderBy(view => PlaceOf(view.Dialled, seeds)).FirstOrDefault() is not { } first || views.Values.All(view => first.Line(view.Id) is not null))
            return [];

        // Whoever knows one of ours, or is known to one, belongs to us: a node that some have forgotten still does.
        var known = new HashSet<string>(first.Lines.Select(line => line.Id), StringComparer.Ordinal);
        var strangers = views.Values.Where(view => view.Id != first.Id).ToList();
        for (var before = int.MaxValue; strangers.Count < before;)
        {
            before = strangers.Count;
            var ours = strangers.Where(view => view.Lines.Any(line => known.Contains(line.Id))).ToList();
            known.UnionWith(ours.SelectMany(view => view.Lines).Select(line => line.Id));
            strangers.RemoveAll(ours.Contains);
        }

        if (strangers.FirstOrDefault(view => seeds.Contains(view.Dialled)) is { } seed)
        {
            throw new RedisOperationException(
                FailureCode.ClusterViewConflict,
                first.Dialled + " and " + seed.Dialled + " do not know each other: they are nodes of two clusters, or of one that has not been formed yet.",
                seed.Dialled.ToString(),
                new NextAction(NextActionCode.Connect) { Node = "<nodes of one cluster>" });
        }

        foreach (var view in strangers)
            views.Remove(view.Id);
        return strangers.Select(view => (view.Dialled, new RedisOperationException(
            FailureCode.NodeUnreachable,
            "A node of another cluster answers at " + view.Dialled + ".",
            view.Dialled.ToString(),
            new NextAction(NextActionCode.ShowNodes)))).ToList();
    }

    private static int PlaceOf(NodeEndpoint dialled, IReadOnlyList<NodeEndpoint> seeds)
    {
        for (var i = 0; i < seeds.Count; i++)
        {
            if (seeds[i] == dialled)
                return i;
        }

        return seeds.Count;
    }
}
