using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>How to reach one cluster: where to begin, who to be, how to speak. Configuration only: it holds no open connection.</summary>
public sealed class RedisClusterSession
{
    private readonly AddressMap _reachable;

    internal RedisClusterSession(
        IEnumerable<NodeEndpoint> seeds, ConnectionOptions options, IReadOnlyDictionary<string, string>? addressMap = null)
    {
        Seeds = new ReadOnlyCollection<NodeEndpoint>(seeds.Distinct().ToArray());
        Options = options;
        _reachable = new AddressMap(addressMap);
        AddressMap = new ReadOnlyDictionary<string, string>(_reachable.Written);
        RequireTime(options.ConnectTimeout, "connect timeout");
        RequireTime(options.CommandTimeout, "command timeout");
    }

    /// <summary>The nodes to ask first; one that answers is enough to find the others.</summary>
    public IReadOnlyList<NodeEndpoint> Seeds { get; }

    /// <summary>The ACL user; null where only a password, or nothing, is sent.</summary>
    public string? User => Options.User;

    /// <summary>Whether every connection is made with TLS.</summary>
    public bool UseTls => Options.Tls is not null;

    /// <summary>How long connecting to one node may take, TLS handshake and log-in included.</summary>
    public TimeSpan ConnectTimeout => Options.ConnectTimeout;

    /// <summary>How long a node may take to answer.</summary>
    public TimeSpan CommandTimeout => Options.CommandTimeout;

    /// <summary>Which <c>host:port</c> to dial for a <c>host:port</c> that a node announces, or which host for a host; the others are dialled as announced.</summary>
    public IReadOnlyDictionary<string, string> AddressMap { get; }

    internal ConnectionOptions Options { get; }

    /// <summary>
    /// Reads <c>host:port[,host:port…]</c>, <c>redis://[user:password@]host[:port][,host:port…]</c>, <c>rediss://…</c> (TLS),
    /// or a StackExchange.Redis connection string (<c>host:port,user=…,password=…,ssl=true</c>).
    /// </summary>
    /// <param name="text">What to read. User and password of a URL are percent-decoded.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: what is wrong and an example. The password is not in it.</exception>
    public static RedisClusterSession Parse(string text) => ConnectionString.Parse(text);

    /// <summary>The seeds, with commas between.</summary>
    public override string ToString() => string.Join(",", Seeds);

    /// <summary>Reads several texts as the seeds of one cluster. What one of them says beyond addresses holds for all.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString, also where two texts ask for different settings.</exception>
    internal static RedisClusterSession Parse(IEnumerable<string> texts)
    {
        var sessions = texts.Select(Parse).ToArray();
        var unsaid = new ConnectionOptions();
        var settings = sessions.Select(session => session.Options).Where(options => options != unsaid).Distinct().ToArray();
        if (sessions.Length == 0)
            throw ConnectionString.Invalid("no endpoint was given");
        if (settings.Length > 1)
            throw ConnectionString.Invalid("the endpoints ask for different credentials, TLS or timeouts, but a cluster has one of each");
        return new RedisClusterSession(sessions.SelectMany(session => session.Seeds), settings.FirstOrDefault() ?? unsaid);
    }

    /// <summary>The same cluster, connected to in another way.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a timeout is out of range.</exception>
    internal RedisClusterSession With(ConnectionOptions options) => new(Seeds, options, AddressMap);

    /// <summary>The same cluster with addresses translated.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString: an address of the map can't be read.</exception>
    internal RedisClusterSession WithAddressMap(IReadOnlyDictionary<string, string> addressMap) => new(Seeds, Options, addressMap);

    /// <summary>The address to dial for a node that announces this one.</summary>
    internal NodeEndpoint Reach(NodeEndpoint announced) => _reachable.Of(announced) ?? announced;

    /// <summary>True where whoever made the map has said where this address is.</summary>
    internal bool IsMapped(NodeEndpoint announced) => _reachable.Of(announced) is not null;

    // The framework's timers take up to 2^31 ms; a time beyond that is a slip of the pen anyway.
    private static void RequireTime(TimeSpan time, string name)
    {
        if (time <= TimeSpan.Zero || time.TotalMilliseconds > int.MaxValue)
            throw ConnectionString.Invalid("the " + name + " must be more than zero and at most 24 days");
    }
}
