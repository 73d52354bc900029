using System;
using System.IO;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Benchmarks;

/// <summary>The servers that <c>tests/servers/get</c> fetches.</summary>
internal static class Servers
{
    public const string Redis70 = "redis-7.0";
    public const string Redis86 = "redis-8.6";
    public const string Valkey91 = "valkey-9.1";

    public static ServerBinary Get(string name)
    {
        var engine = IsValkey(name) ? ServerEngine.Valkey : ServerEngine.Redis;
        return ServerBinary.At(Path.Combine(Folder, name, IsValkey(name) ? "valkey-server" : "redis-server"), engine, name);
    }

    /// <summary>The tool that comes with the server.</summary>
    public static string ToolOf(string name) => Path.Combine(Folder, name, ToolNameOf(name));

    public static string ToolNameOf(string name) => IsValkey(name) ? "valkey-cli" : "redis-cli";

    /// <summary>A message that the server is missing, with the command to get it; null if it is present.</summary>
    public static string? Missing(string name) =>
        File.Exists(Get(name).Path) && File.Exists(ToolOf(name))
            ? null
            : name + " is not in the cache of servers. Run: tests/servers/get " + name;

    private static bool IsValkey(string name) => name.StartsWith("valkey-", StringComparison.Ordinal);

    private static string Folder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("RCO_SERVERS") is { Length: > 0 } folder)
                return folder;
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named
                ? named
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "redisclusterops", "servers");
        }
    }
}
