using System;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace RedisClusterOps;

/// <summary>A host and a port, as dialled or as announced by a node. Comparisons ignore the case of the host.</summary>
public readonly struct NodeEndpoint : IEquatable<NodeEndpoint>, IComparable<NodeEndpoint>
{
    /// <summary>The default port of a Redis server.</summary>
    public const int DefaultPort = 6379;

    /// <summary>Makes an endpoint.</summary>
    /// <param name="host">A name, an IPv4 address, or an IPv6 address without brackets.</param>
    /// <param name="port">1 to 65535.</param>
    public NodeEndpoint(string host, int port)
    {
        Host = host ?? throw new ArgumentNullException(nameof(host));
        Port = port;
    }

    /// <summary>A name, an IPv4 address, or an IPv6 address without brackets.</summary>
    public string Host { get; }

    /// <summary>1 to 65535.</summary>
    public int Port { get; }

    /// <summary>Parses <c>host</c>, <c>host:port</c>, <c>[ipv6]:port</c> or an IPv6 address without brackets.</summary>
    /// <param name="text">The text. Surrounding white space is ignored.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <returns>False if the text has another format or the port is not 1 to 65535.</returns>
    public static bool TryParse(string? text, out NodeEndpoint endpoint)
    {
        endpoint = default;
        var trimmed = (text ?? string.Empty).Trim();
        string host;
        var port = string.Empty;
        if (trimmed.StartsWith("[", StringComparison.Ordinal))
        {
            var close = trimmed.IndexOf(']');
            if (close < 0)
                return false;
            host = trimmed.Substring(1, close - 1);
            var rest = trimmed.Substring(close + 1);
            if (rest.Length > 0 && rest[0] != ':')
                return false;
            port = rest.Length > 0 ? rest.Substring(1) : DefaultPort.ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            var first = trimmed.IndexOf(':');
            var last = trimmed.LastIndexOf(':');
            var bareIPv6 = first >= 0 && first != last;
            host = first >= 0 && !bareIPv6 ? trimmed.Substring(0, first) : trimmed;
            port = first >= 0 && !bareIPv6 ? trimmed.Substring(first + 1) : DefaultPort.ToString(CultureInfo.InvariantCulture);
        }

        if (!IsHost(host)
            || (host.IndexOf(':') >= 0 || trimmed[0] == '[') && !IsIPv6(host)
            || !int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || number is < 1 or > 65535)
            return false;
        endpoint = new NodeEndpoint(host, number);
        return true;
    }

    /// <inheritdoc/>
    public bool Equals(NodeEndpoint other) =>
        Port == other.Port && string.Equals(Host, other.Host, StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NodeEndpoint other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        (Host is null ? 0 : StringComparer.OrdinalIgnoreCase.GetHashCode(Host)) * 31 + Port;

    /// <inheritdoc/>
    public int CompareTo(NodeEndpoint other)
    {
        var byHost = string.Compare(Host, other.Host, StringComparison.OrdinalIgnoreCase);
        return byHost != 0 ? byHost : Port.CompareTo(other.Port);
    }

    /// <summary><c>host:port</c>, with brackets around an IPv6 address.</summary>
    public override string ToString()
    {
        var host = Host ?? string.Empty;
        var written = host.IndexOf(':') >= 0 ? "[" + host + "]" : host;
        return written + ":" + Port.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>True if host and port are the same.</summary>
    public static bool operator ==(NodeEndpoint left, NodeEndpoint right) => left.Equals(right);

    /// <summary>True if host or port differ.</summary>
    public static bool operator !=(NodeEndpoint left, NodeEndpoint right) => !left.Equals(right);

    /// <summary>Sorts before.</summary>
    public static bool operator <(NodeEndpoint left, NodeEndpoint right) => left.CompareTo(right) < 0;

    /// <summary>Sorts before or is equal.</summary>
    public static bool operator <=(NodeEndpoint left, NodeEndpoint right) => left.CompareTo(right) <= 0;

    /// <summary>Sorts after.</summary>
    public static bool operator >(NodeEndpoint left, NodeEndpoint right) => left.CompareTo(right) > 0;

    /// <summary>Sorts after or is equal.</summary>
    public static bool operator >=(NodeEndpoint left, NodeEndpoint right) => left.CompareTo(right) >= 0;

    private static bool IsIPv6(string host) =>
        IPAddress.TryParse(host, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;

    // Hosts are printed in errors and tables, so they must not contain terminal control characters.
    private static bool IsHost(string host)
    {
        if (host.Length is 0 or > 255)
            return false;
        foreach (var c in host)
        {
            if (char.IsControl(c) || char.IsWhiteSpace(c) || c is '/' or '@' or ',' or '=' or '[' or ']')
                return false;
        }

        return true;
    }
}
