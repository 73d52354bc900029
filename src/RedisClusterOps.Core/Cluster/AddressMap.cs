using System;
using System.Collections.Generic;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Where to dial for what nodes announce. One step, never a chain: what is dialled is not looked up again.</summary>
internal sealed class AddressMap
{
    private readonly Dictionary<NodeEndpoint, NodeEndpoint> _endpoints = [];
    private readonly Dictionary<string, string> _hosts = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="texts">Announced to reachable: <c>host:port</c> to <c>host:port</c>, or a host to a host, whose ports stay.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: what can't be read.</exception>
    public AddressMap(IReadOnlyDictionary<string, string>? texts)
    {
        foreach (var pair in texts ?? new Dictionary<string, string>())
        {
            var (announced, reachable) = (Read(pair.Key), Read(pair.Value));
            if (IsHost(pair.Key, announced) && IsHost(pair.Value, reachable))
                Written[announced.Host] = _hosts[announced.Host] = reachable.Host;
            else
                Written[announced.ToString()] = (_endpoints[announced] = reachable).ToString();
        }
    }

    /// <summary>The same, each address in its usual form.</summary>
    public Dictionary<string, string> Written { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Null where the map does not have it.</summary>
    public NodeEndpoint? Of(NodeEndpoint announced) => _endpoints.TryGetValue(announced, out var endpoint) ? endpoint
        : _hosts.TryGetValue(announced.Host, out var host) ? new NodeEndpoint(host, announced.Port)
        : null;

    private static NodeEndpoint Read(string text) => NodeEndpoint.TryParse(text, out var endpoint)
        ? endpoint
        : throw new RedisOperationException(
            FailureCode.InvalidConnectionString,
            "The address map has '" + Printable.Clean(text ?? string.Empty, 80) + "', which is not host:port. Example: 172.20.0.2:6379 to localhost:7000.",
            next: new NextAction(NextActionCode.ShowConnectExamples));

    private static bool IsHost(string text, NodeEndpoint read) => string.Equals(text.Trim().Trim('[', ']'), read.Host, StringComparison.Ordinal);
}
