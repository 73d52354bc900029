using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Authentication;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Parses connection strings. No error repeats anything that may be a password.</summary>
internal static class ConnectionString
{
    private const string Example =
        "127.0.0.1:7000,127.0.0.1:7001 or redis://user:password@host:6379 or host:6380,user=u,password=p,ssl=true";

    private static readonly string[] Used =
    [
        "user", "password", "ssl", "sslHost", "sslProtocols", "checkCertificateRevocation", "connectTimeout", "syncTimeout", "asyncTimeout",
    ];

    // Settings of StackExchange.Redis without effect here. They are accepted because users copy strings from their applications.
    private static readonly string[] Ignored =
    [
        "abortConnect", "allowAdmin", "channelPrefix", "configChannel", "configCheckSeconds", "connectRetry", "defaultDatabase", "defaults",
        "highIntegrity", "highPriorityThreads", "keepAlive", "maintMovingEndpointType", "maintNotifications", "maintPostEventRelaxed",
        "maintRelaxedTimeout", "maintRelaxedWindowMax", "name", "preserveAsyncOrder", "protocol", "resolveDns", "responseTimeout", "setlib",
        "sharedSubscriptionConnection", "tcpKeepAlive", "tieBreaker", "topologyRefreshSeconds", "version", "writeBuffer",
    ];

    // Settings that change which server answers: a proxy or a sentinel is not a node of a cluster. Their values may be secret.
    private static readonly string[] Refused = ["proxy", "tunnel", "serviceName", "sentinelUser", "sentinelPassword"];

    // The names of .NET, in the numbers that netstandard2.0 has no names for.
    private static readonly Dictionary<string, int> Protocols = new(StringComparer.OrdinalIgnoreCase)
    {
        ["None"] = 0, ["Tls"] = 0xC0, ["Tls11"] = 0x300, ["Tls12"] = 0xC00, ["Tls13"] = 0x3000,
    };

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
        var settings = new Settings();
        foreach (var part in text.Split(','))
        {
            var equals = part.IndexOf('=');
            if (equals >= 0)
                settings.Set(part.Substring(0, equals).Trim(), part.Substring(equals + 1).Trim());
            else if (settings.Options.Password is not null && part.Trim().Length > 0)
                throw Invalid("an address follows password=; put addresses first, and write a comma in a password as %2C in a URL");
            else
                endpoints.Add(part);
        }

        if (settings.Options.User is not null && settings.Options.Password is null)
            throw Invalid("user= requires password=");
        return new RedisClusterSession(ParseEndpoints(endpoints), settings.Options);
    }

    /// <summary>The settings of a connection string so far.</summary>
    private sealed class Settings
    {
        private ConnectionOptions _options = new();
        private TlsOptions _tls = new();
        private bool _usesTls;
        private TimeSpan _longestWait;

        // As in StackExchange.Redis, sslHost= and sslProtocols= alone do not enable TLS.
        public ConnectionOptions Options => _options with { Tls = _usesTls ? _tls : null };

        public void Set(string key, string value)
        {
            switch (key.ToUpperInvariant())
            {
                case "USER":
                    _options = _options with { User = value.Length > 0 ? value : null };
                    break;
                case "PASSWORD":
                    _options = _options with { Password = value.Length > 0 ? value : null };
                    break;
                case "SSL":
                    _usesTls = Flag(key, value);
                    break;
                case "SSLHOST":
                    _tls = _tls with { ServerName = value.Length > 0 ? value : null };
                    break;
                case "SSLPROTOCOLS":
                    _tls = _tls with { Protocols = ProtocolsOf(value) };
                    break;
                case "CHECKCERTIFICATEREVOCATION":
                    _tls = _tls with { CheckRevocation = Flag(key, value) };
                    break;
                case "CONNECTTIMEOUT":
                    _options = _options with { ConnectTimeout = Milliseconds(key, value) };
                    break;

                // Both limit the wait for a reply. The longer one applies, because it is meant for slow commands.
                case "SYNCTIMEOUT" or "ASYNCTIMEOUT":
                    var wait = Milliseconds(key, value);
                    _longestWait = wait > _longestWait ? wait : _longestWait;
                    _options = _options with { CommandTimeout = _longestWait };
                    break;
                case "DEFAULTDATABASE" when value is not ("0" or ""):
                    throw Invalid("defaultDatabase= must be 0; in cluster mode the database is always 0");
                default:
                    RequireHarmless(key, value);
                    break;
            }
        }

        private static void RequireHarmless(string key, string value)
        {
            var isNone = value.Length == 0 || string.Equals(value, "None", StringComparison.OrdinalIgnoreCase);
            if (Refused.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                if (!isNone)
                    throw Invalid(key + "= is not supported: this module talks to the nodes of a cluster directly");
            }
            else if (key.StartsWith("$", StringComparison.Ordinal))
            {
                throw Invalid("'" + Printable.Clean(key, 40) + "=' renames or disables a command, which is not supported");
            }
            else if (!Ignored.Contains(key, StringComparer.OrdinalIgnoreCase))
            {
                throw Invalid(
                    "the key '" + Printable.Clean(key, 40) + "' is unknown; valid keys are " + string.Join(", ", Used)
                    + ", and without effect " + string.Join(", ", Ignored));
            }
        }

        private static bool Flag(string key, string value) =>
            bool.TryParse(value, out var flag) ? flag : throw Invalid(key + "= must be true or false");

        private static SslProtocols ProtocolsOf(string value)
        {
            var protocols = 0;
            foreach (var name in value.Split('|'))
            {
                protocols |= Protocols.TryGetValue(name.Trim(), out var protocol)
                    ? protocol
                    : throw Invalid("sslProtocols= is a list of " + string.Join(", ", Protocols.Keys) + " with '|' between them");
            }

            return (SslProtocols)protocols;
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
