using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Finds the node that a person means by an id, the beginning of an id, or an address.</summary>
internal static class NodeNames
{
    /// <summary>The one node that the name fits.</summary>
    /// <exception cref="RedisOperationException">NodeNotFound or AmbiguousNode; the message lists what there is.</exception>
    public static ClusterNode Find(ClusterView view, string name, Func<NodeEndpoint, NodeEndpoint> reach)
    {
        var found = view.Nodes.Where(node => Fits(node.Id, Addresses(node, reach), name)).ToList();
        if (found.Count == 1)
            return found[0];
        if (found.Count == 0)
            throw NotFound(name, view.Nodes.Select(node => node.Name));
        throw new RedisOperationException(
            FailureCode.AmbiguousNode,
            "'" + Shown(name) + "' fits " + found.Count + " nodes: " + string.Join(", ", found.Select(node => node.ShortId + "… (" + node.Name + ")")) + ".",
            name,
            new NextAction(NextActionCode.ShowNodes));
    }

    /// <summary>True where the name is the id, the beginning of it, or one of the addresses.</summary>
    public static bool Fits(string id, IEnumerable<string> addresses, string name)
    {
        var trimmed = name.Trim();
        return trimmed.Length > 0
            && (id.StartsWith(trimmed, StringComparison.OrdinalIgnoreCase) || addresses.Any(address => string.Equals(address, trimmed, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>As <see cref="Fits"/>, or by the wildcards * and ? against the whole id or the whole address.</summary>
    public static bool FitsPattern(string id, string address, string pattern)
    {
        if (pattern.IndexOfAny(['*', '?']) < 0)
            return Fits(id, [address], pattern);
        var expression = "^" + Regex.Escape(pattern.Trim()).Replace("\\*", ".*").Replace("\\?", ".") + "$";
        return Matches(id) || Matches(address);

        bool Matches(string text) => Regex.IsMatch(text, expression, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    }

    public static RedisOperationException NotFound(string name, IEnumerable<string> known) => new(
        FailureCode.NodeNotFound,
        "No node is called '" + Shown(name) + "'. The nodes are " + string.Join(", ", known) + ".",
        name,
        new NextAction(NextActionCode.ShowNodes));

    // The announced address, the one that we dial instead, and the announced host name with the same port.
    private static IEnumerable<string> Addresses(ClusterNode node, Func<NodeEndpoint, NodeEndpoint> reach)
    {
        if (node.View is { } view)
            yield return view.Dialled.ToString();
        if (node.Announced is not { } announced)
            yield break;
        yield return announced.ToString();
        // As CLUSTER NODES and redis-cli write an IPv6 address.
        yield return announced.Host + ":" + announced.Port.ToString(CultureInfo.InvariantCulture);
        yield return reach(announced).ToString();
        if (node.Line.Hostname is { } hostname)
            yield return new NodeEndpoint(hostname, announced.Port).ToString();
    }

    private static string Shown(string name) => Printable.Clean(name, 80);
}
