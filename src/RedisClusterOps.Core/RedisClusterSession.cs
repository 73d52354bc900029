using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>How to connect to a cluster: addresses, credentials, TLS and timeouts. It has no open connection.</summary>
public sealed class RedisClusterSession
{
    private readonly AddressMap _addressMap;

    internal RedisClusterSession(
        IEnumerable<NodeEndpoint> seeds, ConnectionOptions options, IReadOnlyDictionary<string, string>? addressMap = null)
    {
        Seeds = seeds.Distinct().ToArray().Shown();
        Options = options;
        _addressMap = new AddressMap(addressMap);
        AddressMap = new ShownMap(_addressMap.Texts);
        RequireTime(options.ConnectTimeout, "connect timeout");
        RequireTime(options.CommandTimeout, "command timeout");
    }

    /// <summary>
    /// The nodes to ask first. One reachable node is enough to find the others. If none answers any more, those are asked that answered
    /// before.
    /// </summary>
    public IReadOnlyList<NodeEndpoint> Seeds { get; }

    /// <summary>The ACL user; null to log in with the password only, or not to log in.</summary>
    public string? User => Options.User;

    /// <summary>True if all connections use TLS.</summary>
    public bool UseTls => Options.Tls is not null;

    /// <summary>The time limit for connecting to one node, including TLS handshake and log-in.</summary>
    public TimeSpan ConnectTimeout => Options.ConnectTimeout;

    /// <summary>The time limit for the reply to a command.</summary>
    public TimeSpan CommandTimeout => Options.CommandTimeout;

    /// <summary>
    /// The address to dial for each announced address, as <c>host:port</c> or as <c>host</c>. Others are dialled as announced.
    /// </summary>
    public IReadOnlyDictionary<string, string> AddressMap { get; }

    internal ConnectionOptions Options { get; }

    /// <summary>
    /// The id of each node that answered the last reading, by its address. They are asked although no seed answers, or no node lists them.
    /// </summary>
    internal IReadOnlyDictionary<NodeEndpoint, string> Reached { get; set; } = new Dictionary<NodeEndpoint, string>();

    /// <summary>
    /// Parses <c>host:port[,host:port…]</c>, <c>redis://[user:password@]host[:port][,host:port…]</c>, <c>rediss://…</c> (TLS),
    /// or a StackExchange.Redis connection string (<c>host:port,user=…,password=…,ssl=true</c>).
    /// </summary>
    /// <param name="text">The connection string. User and password of a URL are percent-decoded.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: the message says why, without the password.</exception>
    public static RedisClusterSession Parse(string text) => ConnectionString.Parse(text);

    /// <summary>Parses several connection strings as the seeds of one cluster. The settings of one apply to all.</summary>
    /// <param name="texts">The connection strings, at least one.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString, also if two of them have different settings.</exception>
    public static RedisClusterSession Parse(IEnumerable<string> texts)
    {
        var sessions = texts.Select(Parse).ToArray();
        var defaults = new ConnectionOptions();
        var settings = sessions.Select(session => session.Options).Where(options => options != defaults).Distinct().ToArray();
        if (sessions.Length == 0)
            throw ConnectionString.Invalid("no endpoint is specified");
        if (settings.Length > 1)
        {
            throw ConnectionString.Invalid(
                "the endpoints have different credentials, TLS settings or timeouts, but a cluster has one of each");
        }

        return new RedisClusterSession(sessions.SelectMany(session => session.Seeds), settings.FirstOrDefault() ?? defaults);
    }

    /// <summary>Parses addresses that may not belong to a cluster yet.</summary>
    /// <param name="texts">The addresses as connection strings, at least one.</param>
    /// <param name="like">The session whose settings apply if the texts have none of their own; null for the defaults.</param>
    /// <exception cref="RedisOperationException">As <see cref="Parse(IEnumerable{string})"/>.</exception>
    public static RedisClusterSession ForEndpoints(IEnumerable<string> texts, RedisClusterSession? like)
    {
        var parsed = Parse(texts);
        return like is null || parsed.Options != new ConnectionOptions()
            ? parsed
            : new RedisClusterSession(parsed.Seeds, like.Options, like.AddressMap);
    }

    /// <summary>The same cluster with another user. No member of a session returns the password.</summary>
    /// <param name="user">The ACL user; null to log in with the password only.</param>
    /// <param name="password">The password.</param>
    public RedisClusterSession WithCredential(string? user, string password) => With(Options with { User = user, Password = password });

    /// <summary>The same cluster by TLS.</summary>
    /// <param name="tls">The certificates.</param>
    public RedisClusterSession WithTls(TlsOptions tls)
    {
        // Settings that only a connection string has.
        var before = Options.Tls ?? tls;
        return With(Options with
        {
            Tls = tls with
            {
                ServerName = tls.ServerName ?? before.ServerName,
                Protocols = tls.Protocols | before.Protocols,
                CheckRevocation = tls.CheckRevocation || before.CheckRevocation,
            },
        });
    }

    /// <summary>The same cluster with other timeouts.</summary>
    /// <param name="connect">The time limit for connecting to one node.</param>
    /// <param name="command">The time limit for the reply to a command.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a timeout is out of range.</exception>
    public RedisClusterSession WithTimeouts(TimeSpan connect, TimeSpan command) =>
        With(Options with { ConnectTimeout = connect, CommandTimeout = command });

    /// <summary>The same cluster with another address map.</summary>
    /// <param name="addressMap">The address to dial for each announced address, as <c>host:port</c> or as <c>host</c>.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: an address of the map can't be parsed.</exception>
    public RedisClusterSession WithAddressMap(IReadOnlyDictionary<string, string> addressMap) => new(Seeds, Options, addressMap);

    /// <summary>The seeds, separated by commas.</summary>
    public override string ToString() => string.Join(",", Seeds);

    /// <summary>The same cluster with other connection options.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a timeout is out of range.</exception>
    internal RedisClusterSession With(ConnectionOptions options) => new(Seeds, options, AddressMap);

    /// <summary>The address to dial for an announced address.</summary>
    internal NodeEndpoint MapAddress(NodeEndpoint announced) => _addressMap.Of(announced) ?? announced;

    /// <summary>True if the address map contains the announced address.</summary>
    internal bool IsMapped(NodeEndpoint announced) => _addressMap.Of(announced) is not null;

    /// <summary>A map whose text is its entries, such as <c>172.20.0.2:6379=localhost:7000</c>.</summary>
    private sealed class ShownMap(IDictionary<string, string> texts) : ReadOnlyDictionary<string, string>(texts)
    {
        public override string ToString() => string.Join(",", this.Select(entry => entry.Key + "=" + entry.Value));
    }

    // The framework's timers are limited to 2^31 ms.
    private static void RequireTime(TimeSpan time, string name)
    {
        if (time <= TimeSpan.Zero || time.TotalMilliseconds > int.MaxValue)
            throw ConnectionString.Invalid("the " + name + " must be more than 0 and at most 24 days");
    }
}
