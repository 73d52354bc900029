using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>The fields of INFO of one node, by the server's names. A missing field is null.</summary>
internal sealed class ServerFacts
{
    private const string CommandPrefix = "cmdstat_";

    // Commands that servers send to each other, and commands of tools. The commands within a transaction count, not the transaction.
    private static readonly HashSet<string> NotOfClients = new(StringComparer.OrdinalIgnoreCase)
    {
        "acl", "asking", "auth", "client", "cluster", "command", "config", "dbsize", "discard", "exec", "function", "hello", "info",
        "latency", "memory", "migrate", "module", "multi", "ping", "psync", "quit", "readonly", "replconf", "restore", "restore-asking",
        "role", "select", "slowlog", "syncslots",
    };

    private readonly IReadOnlyDictionary<string, string> _fields;

    private ServerFacts(IReadOnlyDictionary<string, string> fields) => _fields = fields;

    public static ServerFacts None { get; } = new(new Dictionary<string, string>());

    public ServerEngine Engine =>
        _fields.ContainsKey("garnet_version") ? ServerEngine.Garnet
        : _fields.ContainsKey("valkey_version") || Text("server_name") == "valkey" ? ServerEngine.Valkey
        : _fields.ContainsKey("redis_version") ? ServerEngine.Redis
        : ServerEngine.Unknown;

    /// <summary>The engine's own version. Valkey and Garnet also report the Redis version that they are compatible with.</summary>
    public string? Version => Printed(Text("garnet_version") ?? Text("valkey_version") ?? Text("redis_version"));

    /// <summary>The id of the server process. It changes with a restart.</summary>
    public string? RunId => Text("run_id");

    public static ServerFacts Parse(string info)
    {
        var fields = ParseFields(info);
        return new ServerFacts(fields) { Modules = fields.Count == 0 ? null : ModulesIn(info) };
    }

    // The lines of all modules have the same name.
    private static Dictionary<string, long> ModulesIn(string info)
    {
        const string Prefix = "module:";
        var modules = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in info.Split('\n').Where(line => line.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            var parts = line.TrimEnd('\r').Substring(Prefix.Length).Split(',');
            if (parts[0].StartsWith("name=", StringComparison.Ordinal))
                modules[parts[0].Substring("name=".Length)] = ParseSub(line.Substring(Prefix.Length), "ver") ?? 0;
        }

        return modules;
    }

    /// <summary>Parses <c>name:value</c> lines, as in INFO and CLUSTER INFO. Comments and empty lines are skipped.</summary>
    public static IReadOnlyDictionary<string, string> ParseFields(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var raw in text.Split('\n'))
        {
            var line = raw.TrimEnd('\r');
            var colon = line.IndexOf(':');
            if (colon > 0 && line[0] != '#')
                fields[line.Substring(0, colon)] = line.Substring(colon + 1);
        }

        return fields;
    }

    public string? Text(string name) => _fields.TryGetValue(name, out var value) ? value : null;

    public long? Number(string name) =>
        long.TryParse(Text(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>The CPU time of the server process so far, user and system, in seconds.</summary>
    public double? CpuSeconds
    {
        get
        {
            return Seconds("used_cpu_user") is { } user && Seconds("used_cpu_sys") is { } system ? user + system : null;

            double? Seconds(string name) =>
                double.TryParse(Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;
        }
    }

    /// <summary>The number of keys in all databases (<c>dbN:keys=…</c>); null if INFO was not available.</summary>
    public long? KeyCount
    {
        get
        {
            if (_fields.Count == 0)
                return null;

            // Saturates: a server may report any number.
            long keys = 0;
            foreach (var line in _fields)
            {
                if (DatabaseOf(line.Key) is not null && ParseSub(line.Value, "keys") is { } some)
                    keys += Math.Min(some, long.MaxValue - keys);
            }

            return keys;
        }
    }

    /// <summary>The loaded modules with their versions (<c>module:name=…,ver=…</c>); null if INFO was not available.</summary>
    public IReadOnlyDictionary<string, long>? Modules { get; private init; }

    /// <summary>How far a replica has received its master's writes; null if unknown. Garnet has only the second field.</summary>
    public long? ReplicaOffset => Number("slave_repl_offset") ?? Number("slave_read_repl_offset");

    /// <summary>True for a replica whose link to its master has never been up.</summary>
    public bool HasNeverSynchronized =>
        Text("master_link_status") == "down" && Number("master_link_down_since_seconds") is null or < 0;

    /// <summary>True if any key has a time to live (<c>dbN:…,expires=…</c>), or if that is unknown.</summary>
    public bool HasExpiringKeys =>
        _fields.Count == 0 || _fields.Any(line => DatabaseOf(line.Key) is not null && ParseSub(line.Value, "expires") is > 0);

    /// <summary>The highest database that contains a key; 0 if there is none.</summary>
    public int HighestDatabase
    {
        get
        {
            var highest = 0;
            foreach (var name in _fields.Keys)
                highest = Math.Max(highest, DatabaseOf(name) ?? 0);
            return highest;
        }
    }

    /// <summary>
    /// The number of client commands so far (<c>cmdstat_NAME:calls=…</c>), without commands of servers and tools; null if unknown.
    /// </summary>
    public long? ClientCalls
    {
        get
        {
            var (isKnown, calls) = (false, 0L);
            foreach (var line in _fields)
            {
                if (!line.Key.StartsWith(CommandPrefix, StringComparison.Ordinal))
                    continue;
                isKnown = true;
                var name = line.Key.Substring(CommandPrefix.Length).Split('|')[0];
                if (!NotOfClients.Contains(name) && ParseSub(line.Value, "calls") is { } some)
                    calls += Math.Min(some, long.MaxValue - calls);
            }

            return isKnown ? calls : null;
        }
    }

    /// <summary>
    /// How often the server answered with an error that begins with this word (<c>errorstat_MOVED:count=…</c>); null if it does not count
    /// them. Redis stops to count after 128 kinds of errors, until <c>CONFIG RESETSTAT</c>.
    /// </summary>
    public long? ErrorReplies(string name) => Number("total_error_replies") is null || Text("errorstat_ERRORSTATS_DISABLED") is not null
        ? null
        : ParseSub(Text("errorstat_" + name), "count") ?? 0;

    /// <summary>How many MIGRATE commands the server has run so far; null if unknown.</summary>
    public long? MigrateCalls => ClientCalls is null ? null : ParseSub(Text(CommandPrefix + "migrate"), "calls") ?? 0;

    /// <summary>The replication offsets of a master's connected replicas (<c>slaveN:…,offset=…</c>).</summary>
    public IReadOnlyList<long> ReplicaOffsets
    {
        get
        {
            var offsets = new List<long>();
            for (var i = 0; Text("slave" + i.ToString(CultureInfo.InvariantCulture)) is { } line; i++)
            {
                if (ParseSub(line, "offset") is { } offset)
                    offsets.Add(offset);
            }

            return offsets;
        }
    }

    /// <summary>The addresses of the connected replicas that have not confirmed anything for this many seconds or more.</summary>
    public IReadOnlyList<string> SilentReplicas(int seconds)
    {
        var silent = new List<string>();
        for (var i = 0; Text("slave" + i.ToString(CultureInfo.InvariantCulture)) is { } line; i++)
        {
            if (ParseSub(line, "lag") >= seconds && SubText(line, "state") == "online")
                silent.Add(Printable.Clean(SubText(line, "ip") + ":" + SubText(line, "port"), 80));
        }

        return silent;
    }

    /// <summary>The replication offset of the replica at this address, as its master reports it; null if it is not connected.</summary>
    public long? OffsetOfReplica(NodeEndpoint endpoint)
    {
        var port = ",port=" + endpoint.Port.ToString(CultureInfo.InvariantCulture) + ",";
        for (var i = 0; Text("slave" + i.ToString(CultureInfo.InvariantCulture)) is { } line; i++)
        {
            if (("," + line + ",").IndexOf(port, StringComparison.Ordinal) >= 0
                && line.StartsWith("ip=" + endpoint.Host + ",", StringComparison.Ordinal))
                return ParseSub(line, "offset");
        }

        return null;
    }

    /// <summary>True if the engine's version is at least <paramref name="major"/>.<paramref name="minor"/>.</summary>
    public bool IsAtLeast(int major, int minor)
    {
        var parts = (Version ?? string.Empty).Split('.');
        return parts.Length >= 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var a)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var b)
            && (a > major || (a == major && b >= minor));
    }

    /// <summary>True if the server supports server-side migrations: Redis 8.4 or later, Valkey 9.0 or later.</summary>
    public bool MovesSlotsItself => Engine switch
    {
        ServerEngine.Redis => IsAtLeast(8, 4),
        ServerEngine.Valkey => IsAtLeast(9, 0),
        _ => false,
    };

    /// <summary>True if a node can take over slots in a transaction.</summary>
    // Valkey 8 and later wait for their replicas at each SETSLOT, and delay it during a failover. Garnet hands over all slots at once
    // anyway. Without INFO the server is unknown.
    public bool TakesOverInTransaction => Engine == ServerEngine.Redis || (Engine == ServerEngine.Valkey && !IsAtLeast(8, 0));

    /// <summary>True if it can also stop importing each of them first (STABLE), and so announce many slots once.</summary>
    // Redis 8.6 deletes the keys of an importing slot at STABLE; 8.0 does not, and those between were not tried.
    public bool TakesOverJointly => TakesOverInTransaction && !(Engine == ServerEngine.Redis && IsAtLeast(8, 1));

    // keys=12,expires=0,avg_ttl=0 / ip=…,port=…,state=online,offset=…,lag=1
    private static string? SubText(string? value, string name) => (value ?? string.Empty).Split(',')
        .FirstOrDefault(part => part.StartsWith(name + "=", StringComparison.Ordinal))?.Substring(name.Length + 1);

    private static long? ParseSub(string? value, string name) =>
        long.TryParse(SubText(value, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static int? DatabaseOf(string field) =>
        field.StartsWith("db", StringComparison.Ordinal)
        && int.TryParse(field.Substring(2), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static string? Printed(string? text) => text is null ? null : Printable.Clean(text.Trim(), 40);
}
