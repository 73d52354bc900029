using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The number of calls of each command on each node. This includes administrative commands, which MONITOR does not show.</summary>
internal sealed class CommandCounts
{
    private const string Line = "cmdstat_";

    // Commands that change only their own connection, and commands between nodes. All others count as writes.
    private static readonly HashSet<string> Reads = new(StringComparer.OrdinalIgnoreCase)
    {
        "acl|dryrun", "acl|getuser", "acl|whoami", "asking", "auth", "client", "client|getname", "client|id", "client|info",
        "client|list", "client|setinfo", "client|setname", "cluster|count-failure-reports", "cluster|countkeysinslot",
        "cluster|getkeysinslot", "cluster|getslotmigrations", "cluster|gossip", "cluster|info", "cluster|keyslot",
        "cluster|links", "cluster|myid", "cluster|myshardid", "cluster|nodes", "cluster|replicas", "cluster|shards",
        "cluster|slaves", "cluster|slot-stats", "cluster|slots", "command", "command|count", "command|docs", "command|info",
        "config|get", "dbsize", "dump", "echo", "exists", "expiretime", "function|dump", "function|list", "function|stats",
        "get", "getrange", "hello", "hgetall", "hlen", "hscan", "info", "latency|latest", "llen", "lrange", "memory|stats",
        "memory|usage", "mget", "monitor", "object|encoding", "pexpiretime", "ping", "psync", "pttl", "quit", "readonly",
        "readwrite", "replconf", "role", "scan", "scard", "select", "slowlog|get", "slowlog|len", "smembers", "sscan", "strlen",
        "time", "ttl", "type", "wait", "xinfo|groups", "xinfo|stream", "xlen", "xpending", "xrange", "zcard", "zrange", "zscan",
    };

    private readonly IReadOnlyDictionary<string, long> _counts;

    private CommandCounts(IReadOnlyDictionary<string, long> counts) => _counts = counts;

    /// <summary>
    /// Reads the counts; on Garnet until they are stable, because it counts the commands of a connection only when it notices that it was
    /// closed.
    /// </summary>
    public static async Task<CommandCounts> ReadAsync(IReadOnlyList<LocalNode> nodes)
    {
        var isGarnet = (await nodes[0].SendAsync("INFO", "server")).Text.Contains("garnet_version", StringComparison.Ordinal);
        for (var last = await ReadOnceAsync(nodes); ;)
        {
            if (!isGarnet)
                return last;
            await Task.Delay(300);
            var now = await ReadOnceAsync(nodes);
            if (now.WritesSince(last).Count == 0)
                return now;
            last = now;
        }
    }

    private static async Task<CommandCounts> ReadOnceAsync(IReadOnlyList<LocalNode> nodes)
    {
        var counts = new Dictionary<string, long>();
        foreach (var node in nodes)
        {
            foreach (var line in (await node.SendAsync("INFO", "commandstats")).Text.Split('\n'))
            {
                // cmdstat_cluster|nodes:calls=3,usec=80,…
                var colon = line.IndexOf(":calls=", StringComparison.Ordinal);
                if (!line.StartsWith(Line) || colon < 0)
                    continue;
                var number = line[(colon + ":calls=".Length)..].Split(',')[0].Trim();
                var name = line[Line.Length..colon].ToLowerInvariant();
                counts[node.Endpoint + " " + name] = long.Parse(number, CultureInfo.InvariantCulture);
            }
        }

        return counts.Count > 0
            ? new CommandCounts(counts)
            : throw new InvalidOperationException("No node reports command statistics, so they prove nothing.");
    }

    /// <summary>The commands that write and ran since the earlier counts: <c>host:port name ×count</c>.</summary>
    public IReadOnlyList<string> WritesSince(CommandCounts earlier) =>
    [
        .. _counts
            .Select(count => (count.Key, Times: count.Value - earlier._counts.GetValueOrDefault(count.Key)))
            .Where(count => count.Times > 0 && !Reads.Contains(count.Key[(count.Key.IndexOf(' ') + 1)..]))
            .Select(count => count.Key + " ×" + count.Times),
    ];
}
