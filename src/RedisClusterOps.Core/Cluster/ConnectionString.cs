using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Reads the texts a cluster may be named by. No error repeats anything that may be a password.</summary>
internal static class ConnectionString
{
    private const string Example =
        "127.0.0.1:7000,127.0.0.1:7001 or redis://user:password@host:6379 or host:6380,user=u,password=p,ssl=true";

    private static readonly string[] Used =
        ["user", "password", "ssl", "connectTimeout", "syncTimeout", "asyncTimeout"];

    // Settings of StackExchange.Redis that mean nothing here and do no harm: such strings are copied from an application's configuration.
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
        "This does not say where the cluster is: " + reason + ". Example: " + Example + ".",
        next: new NextAction(NextActionCode.ShowConnectExamples));

    private static RedisClusterSession ParseUrl(string scheme, string rest)
    {
        var tls = scheme.ToUpperInvariant() switch
        {
            "REDIS" or "VALKEY" => null,
            "REDISS" or "VALKEYS" => new TlsOptions(),
            _ => throw Invalid("a URL begins with redis:// or, for TLS, rediss://"),
        };

        // The last '@', so that a password with an unescaped '@', ',' or '/' is still no host name, and so in no error.
        var at = rest.LastIndexOf('@');
        var (user, password) = at < 0 ? (null, null) : ParseUserInfo(rest.Substring(0, at));
        var hosts = rest.Substring(at + 1);
        if (hosts.IndexOfAny(['?', '#']) >= 0)
            throw Invalid("a URL takes no '?' or '#' part");
        var path = hosts.IndexOf('/');
        if (path >= 0)
        {
            if (hosts.Substring(path) is not ("/" or "/0"))
                throw Invalid("a URL ends after the port; a cluster has no database to choose");
            hosts = hosts.Substring(0, path);
        }

        return new RedisClusterSession(
            // The zone of an IPv6 address stands behind %25 in a URL.
            ParseEndpoints(hosts.Replace("%25", "%").Split(',')), new ConnectionOptions { User = user, Password = password, Tls = tls });
    }

    private static (string? User, string? Password) ParseUserInfo(string text)
    {
        // redis-cli takes a lone word here for the password, other clients for the user.
        var colon = text.IndexOf(':');
        if (colon < 0)
            throw Invalid("before the '@' of a URL stands user:password, or :password alone");
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
                throw Invalid("an address stands after password=; addresses come first, and a password with a comma goes into a URL as %2C");
            else
                endpoints.Add(part);
        }

        if (options.User is not null && options.Password is null)
            throw Invalid("user= comes without password=");
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
                throw Invalid("ssl= takes true or false");
            case "CONNECTTIMEOUT":
                return options with { ConnectTimeout = Milliseconds(key, value) };

            // Both bound one wait for an answer; where they differ the longer one is meant for the slow commands.
            case "SYNCTIMEOUT" or "ASYNCTIMEOUT":
                var wait = Milliseconds(key, value);
                longestWait = wait > longestWait ? wait : longestWait;
                return options with { CommandTimeout = longestWait };
            case "DEFAULTDATABASE" when value != "0":
                throw Invalid("defaultDatabase= can only be 0; a cluster has no database to choose");
            default:
                if (Ignored.Contains(key, StringComparer.OrdinalIgnoreCase))
                    return options;
                throw Invalid(
                    "the key '" + Printable.Clean(key, 40) + "' is not known; accepted are " + string.Join(", ", Used)
                    + ", and accepted without effect " + string.Join(", ", Ignored));
        }
    }

    private static TimeSpan Milliseconds(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? TimeSpan.FromMilliseconds(number)
            : throw Invalid(key + "= takes a whole number of milliseconds above 0");

    private static List<NodeEndpoint> ParseEndpoints(IEnumerable<string> texts)
    {
        var endpoints = new List<NodeEndpoint>();
        foreach (var text in texts.Select(text => text.Trim()).Where(text => text.Length > 0))
        {
            if (!NodeEndpoint.TryParse(text, out var endpoint))
                throw Invalid(ReasonAgainst(text));
            endpoints.Add(endpoint);
        }

        return endpoints.Count > 0 ? endpoints : throw Invalid("it names no host");
    }

    private static string ReasonAgainst(string text)
    {
        if (text.IndexOf('@') >= 0)
            return "user and password before a host need the URL form";
        var shown = "'" + Printable.Clean(text, 80) + "'";
        if (text.IndexOf("//", StringComparison.Ordinal) >= 0)
            return shown + " is not host:port; the URL form names redis:// once, at the beginning";
        if (text.IndexOf('[') < 0 && text.IndexOf(':') != text.LastIndexOf(':'))
            return shown + " is not host:port; an IPv6 address is written in brackets before its port, as in [::1]:7000";
        return text.LastIndexOf(':') > 0 && text.IndexOf('/') < 0
            ? shown + " is not host:port; a port is 1 to 65535"
            : shown + " is not a host name or address";
    }
}
