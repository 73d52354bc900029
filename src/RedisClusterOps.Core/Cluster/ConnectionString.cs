using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Parses connection strings. No error repeats anything that may be a password.</summary>
internal static class ConnectionString
{
    private const string Example =
        "127.0.0.1:7000,127.0.0.1:7001 or redis://user:password@host:6379 or host:6380,user=u,password=p,ssl=true";

    private static readonly string[] Used =
        ["user", "password", "ssl", "connectTimeout", "syncTimeout", "asyncTimeout"];

    // Settings of StackExchange.Redis without effect here. They are accepted because users copy strings from their applications.
    private static readonly string[] Ignored =
        ["abortConnect", "allowAdmin", "connectRetry", "defaultDatabase", "keepAlive", "name", "protocol", "resolveDns", "version"];

    public static RedisClusterSession Parse(string? text)
    {
        var trimmed = (text ?? string.Empty).Trim();
        if (trimmed.Length == 0)
            throw Invalid("the text is empty");
        var scheme = trimmed.IndexOf("://", StringComparison.Ordinal);
        var isUrl = scheme >= 0 && trimmed.IndexOfAny([',', '='], 0, scheme) < 0;
        return isUrl
            ? ParseUrl(trimmed.Substring(0, scheme), trimmed.Substring(scheme + 3))
            : ParseList(trimmed);
    }

    public static RedisOperationException Invalid(string reason) => new(
        FailureCode.InvalidConnectionString,
        "This is not a valid connection string: " + reason + ". Example: " + Example + ".",
        next: new NextAction(NextActionCode.ShowConnectExamples));

    private static RedisClusterSession ParseUrl(string scheme, string rest)
    {
        var tls = scheme.ToUpperInvariant() switch
        {
            "REDIS" or "VALKEY" => null,
            "REDISS" or "VALKEYS" => new TlsOptions(),
            _ => throw Invalid("a URL begins with redis:// or, for TLS, rediss://"),
        };

        // The last '@': otherwise part of a password with an unescaped '@', ',' or '/' would count as a host name and be shown in errors.
        var at = rest.LastIndexOf('@');
        var (user, password) = at < 0 ? (null, null) : ParseUserInfo(rest.Substring(0, at));
        var hosts = rest.Substring(at + 1);
        if (hosts.IndexOfAny(['?', '#']) >= 0)
            throw Invalid("a URL can't have a '?' or '#' part");
        var path = hosts.IndexOf('/');
        if (path >= 0)
        {
            if (hosts.Substring(path) is not ("/" or "/0"))
                throw Invalid("a URL ends after the port; in cluster mode the database is always 0");
            hosts = hosts.Substring(0, path);
        }

        // In a URL, the zone of an IPv6 address follows %25.
        var endpoints = ParseEndpoints(hosts.Replace("%25", "%").Split(','));
        return new RedisClusterSession(endpoints, new ConnectionOptions { User = user, Password = password, Tls = tls });
    }

    private static (string? User, string? Password) ParseUserInfo(string text)
    {
        // A single word is ambiguous: redis-cli uses it as the password, other clients as the user.
        var colon = text.IndexOf(':');
        if (colon < 0)
            throw Invalid("before the '@', a URL requires user:password or :password");
        var user = Uri.UnescapeDataString(text.Substring(0, colon));
        var password = Uri.UnescapeDataString(text.Substring(colon + 1));
        return user.Length > 0 ? (user, password) : (null, password.Length > 0 ? password : null);
    }

    private static RedisClusterSession ParseList(string text)
    {
        var endpoints = new List<string>();
        var options = new ConnectionOptions();
        var longestWait = TimeSpan.Zero;
        foreach (var part in text.Split(','))
        {
            var equals = part.IndexOf('=');
            if (equals >= 0)
                options = Set(options, part.Substring(0, equals).Trim(), part.Substring(equals + 1).Trim(), ref longestWait);
            else if (options.Password is not null && part.Trim().Length > 0)
                throw Invalid("an address follows password=; put addresses first, and write a comma in a password as %2C in a URL");
            else
                endpoints.Add(part);
        }

        if (options.User is not null && options.Password is null)
            throw Invalid("user= requires password=");
        return new RedisClusterSession(ParseEndpoints(endpoints), options);
    }

    private static ConnectionOptions Set(ConnectionOptions options, string key, string value, ref TimeSpan longestWait)
    {
        switch (key.ToUpperInvariant())
        {
            case "USER":
                return options with { User = value.Length > 0 ? value : null };
            case "PASSWORD":
                return options with { Password = value.Length > 0 ? value : null };
            case "SSL" when bool.TryParse(value, out var tls):
                return options with { Tls = tls ? new TlsOptions() : null };
            case "SSL":
                throw Invalid("ssl= must be true or false");
            case "CONNECTTIMEOUT":
                return options with { ConnectTimeout = Milliseconds(key, value) };

            // Both limit the wait for a reply. The longer one applies, because it is meant for slow commands.
            case "SYNCTIMEOUT" or "ASYNCTIMEOUT":
                var wait = Milliseconds(key, value);
                longestWait = wait > longestWait ? wait : longestWait;
                return options with { CommandTimeout = longestWait };
            case "DEFAULTDATABASE" when value != "0":
                throw Invalid("defaultDatabase= must be 0; in cluster mode the database is always 0");
            default:
                if (Ignored.Contains(key, StringComparer.OrdinalIgnoreCase))
                    return options;
                throw Invalid(
                    "the key '" + Printable.Clean(key, 40) + "' is unknown; valid keys are " + string.Join(", ", Used)
                    + ", and without effect " + string.Join(", ", Ignored));
        }
    }

    private static TimeSpan Milliseconds(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? TimeSpan.FromMilliseconds(number)
            : throw Invalid(key + "= must be a whole number of milliseconds above 0");

    private static List<NodeEndpoint> ParseEndpoints(IEnumerable<string> texts)
    {
        var endpoints = new List<NodeEndpoint>();
        foreach (var text in texts.Select(text => text.Trim()).Where(text => text.Length > 0))
        {
            if (!NodeEndpoint.TryParse(text, out var endpoint))
                throw Invalid(ReasonFor(text));
            endpoints.Add(endpoint);
        }

        return endpoints.Count > 0 ? endpoints : throw Invalid("it contains no host");
    }

    private static string ReasonFor(string text)
    {
        if (text.IndexOf('@') >= 0)
            return "user and password before a host require the URL form";
        var shown = "'" + Printable.Clean(text, 80) + "'";
        if (text.IndexOf("//", StringComparison.Ordinal) >= 0)
            return shown + " is not host:port; the URL form has redis:// once, at the beginning";
        if (text.IndexOf('[') < 0 && text.IndexOf(':') != text.LastIndexOf(':'))
            return shown + " is not host:port; an IPv6 address before a port requires brackets, as in [::1]:7000";
        return text.LastIndexOf(':') > 0 && text.IndexOf('/') < 0
            ? shown + " is not host:port; a port is 1 to 65535"
            : shown + " is not a host name or address";
    }
}

/// <summary>Translates announced addresses to the addresses to dial. It is one step: the result is not translated again.</summary>
internal sealed class AddressMap
{
    private readonly Dictionary<NodeEndpoint, NodeEndpoint> _endpoints = [];
    private readonly Dictionary<string, string> _hosts = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="texts">Announced to reachable address: <c>host:port</c> to <c>host:port</c>, or host to host for all ports.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: an address can't be parsed.</exception>
    public AddressMap(IReadOnlyDictionary<string, string>? texts)
    {
        foreach (var pair in texts ?? new Dictionary<string, string>())
        {
            var (announced, reachable) = (Read(pair.Key), Read(pair.Value));
            if (IsHost(pair.Key, announced) && IsHost(pair.Value, reachable))
                Texts[announced.Host] = _hosts[announced.Host] = reachable.Host;
            else
                Texts[announced.ToString()] = (_endpoints[announced] = reachable).ToString();
        }
    }

    /// <summary>The map, with each address in its normal form.</summary>
    public Dictionary<string, string> Texts { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The address to dial; null if the map does not contain the announced address.</summary>
    public NodeEndpoint? Of(NodeEndpoint announced) => _endpoints.TryGetValue(announced, out var endpoint) ? endpoint
        : _hosts.TryGetValue(announced.Host, out var host) ? new NodeEndpoint(host, announced.Port)
        : null;

    private static NodeEndpoint Read(string text) => NodeEndpoint.TryParse(text, out var endpoint)
        ? endpoint
        : throw new RedisOperationException(
            FailureCode.InvalidConnectionString,
            "The address map contains '" + Printable.Clean(text ?? string.Empty, 80)
                + "', which is not host:port. Example: 172.20.0.2:6379 to localhost:7000.",
            next: new NextAction(NextActionCode.ShowConnectExamples));

    private static bool IsHost(string text, NodeEndpoint read) =>
        string.Equals(text.Trim().Trim('[', ']'), read.Host, StringComparison.Ordinal);
}
