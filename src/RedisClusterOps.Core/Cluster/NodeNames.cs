using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Finds nodes by id, start of an id, address, host name, or port.</summary>
internal static class NodeNames
{
    /// <summary>Returns the only node that matches the name.</summary>
    /// <exception cref="RedisOperationException">NodeNotFound or AmbiguousNode; the message lists the nodes.</exception>
    public static ClusterNode Find(ClusterView view, string name, Func<NodeEndpoint, NodeEndpoint> mapAddress)
    {
        var found = view.Nodes.Where(node => Matches(node.Id, Addresses(node, mapAddress), name)).ToList();
        if (found.Count == 0 && Resolve(name) is { Count: > 0 } addresses)
            found = view.Nodes.Where(node => Addresses(node, mapAddress).Any(addresses.Contains)).ToList();
        if (found.Count == 1)
            return found[0];
        if (found.Count == 0)
            throw NotFound(name, view.Nodes.Select(node => node.Name));
        throw new RedisOperationException(
            FailureCode.AmbiguousNode,
            "'" + Shown(name) + "' matches " + found.Count + " nodes: "
                + string.Join(", ", found.Select(node => node.ShortId + "… (" + node.Name + ")")) + ".",
            name,
            new NextAction(NextActionCode.ShowNodes));
    }

    /// <summary>Returns the present master of a node's shard.</summary>
    /// <exception cref="RedisOperationException">NodeNotFound: the node has left the cluster, or its shard has no master.</exception>
    public static ClusterNode MasterOf(ClusterView view, string id) =>
        view.ShardMaster(id) ?? throw NotFound(id, view.Nodes.Select(node => node.Name));

    /// <summary>The names of the first three nodes, and the number of the others.</summary>
    public static string First(IReadOnlyList<ClusterNode> nodes)
    {
        const int Most = 3;
        return string.Join(", ", nodes.Take(Most).Select(node => node.Name))
            + (nodes.Count > Most ? " and " + Numbers.Number(nodes.Count - Most) + " more" : string.Empty);
    }

    /// <summary>True if the name is the id, the start of the id, one of the addresses, or the port of one.</summary>
    public static bool Matches(string id, IEnumerable<string> addresses, string name)
    {
        var trimmed = name.Trim();
        return trimmed.Length > 0
            && (id.StartsWith(trimmed, StringComparison.OrdinalIgnoreCase)
                || addresses.Contains(trimmed, StringComparer.OrdinalIgnoreCase)
                || (IsPort(trimmed) && addresses.Any(address => address.EndsWith(":" + trimmed, StringComparison.Ordinal))));
    }

    /// <summary>Returns the nodes that a name or a pattern matches. A host name is resolved if it matches none.</summary>
    /// <exception cref="RedisOperationException">NodeNotFound; the message lists the nodes.</exception>
    public static IReadOnlyList<T> FindAll<T>(IReadOnlyList<T> nodes, Func<T, string> id, Func<T, string> address, string pattern)
    {
        var found = nodes.Where(node => MatchesPattern(id(node), address(node), pattern)).ToList();
        if (found.Count == 0 && Resolve(pattern) is { Count: > 0 } addresses)
            found = nodes.Where(node => addresses.Contains(address(node))).ToList();
        return found.Count > 0 ? found : throw NotFound(pattern, nodes.Select(address));
    }

    /// <summary>As <see cref="Matches"/>, or matches the whole id or address if the pattern contains * or ?.</summary>
    public static bool MatchesPattern(string id, string address, string pattern)
    {
        if (pattern.IndexOfAny(['*', '?']) < 0)
            return Matches(id, [address], pattern);
        var expression = "^" + Regex.Escape(pattern.Trim()).Replace("\\*", ".*").Replace("\\?", ".") + "$";
        return MatchesWhole(id) || MatchesWhole(address);

        bool MatchesWhole(string text) => Regex.IsMatch(text, expression, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    }

    public static RedisOperationException NotFound(string name, IEnumerable<string> known) => new(
        FailureCode.NodeNotFound,
        "No node matches '" + Shown(name) + "'. The nodes are " + string.Join(", ", known) + ".",
        name,
        new NextAction(NextActionCode.ShowNodes));

    // The announced address, the address that is dialled instead, and the announced host name with the same port.
    private static IEnumerable<string> Addresses(ClusterNode node, Func<NodeEndpoint, NodeEndpoint> mapAddress)
    {
        if (node.View is { } view)
            yield return view.Dialled.ToString();
        if (node.Announced is not { } announced)
            yield break;
        yield return announced.ToString();

        // CLUSTER NODES and redis-cli write an IPv6 address without brackets.
        yield return announced.Host + ":" + announced.Port.ToString(CultureInfo.InvariantCulture);
        yield return mapAddress(announced).ToString();
        if (node.Line.Hostname is { } hostname)
            yield return new NodeEndpoint(hostname, announced.Port).ToString();
    }

    private static bool IsPort(string name) => name.Length <= 5 && name.All(digit => digit is >= '0' and <= '9');

    /// <summary>The addresses behind <c>name:port</c>; none if it has no host name, or one that can't be resolved.</summary>
    private static List<string> Resolve(string name)
    {
        if (name.IndexOf(':') < 0 || !NodeEndpoint.TryParse(name, out var endpoint) || IPAddress.TryParse(endpoint.Host, out _))
            return [];
        try
        {
            var addresses = Dns.GetHostAddresses(endpoint.Host);
            return [.. addresses.Select(address => new NodeEndpoint(address.ToString(), endpoint.Port).ToString())];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return [];
        }
    }

    private static string Shown(string name) => Printable.Clean(name, 80);
}
