using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The servers that <c>tests/servers/get</c> fetches. One that is absent fails the tests; it never skips them.</summary>
internal static class Servers
{
    public const string Redis70 = "redis-7.0";
    public const string Redis86 = "redis-8.6";
    public const string Valkey91 = "valkey-9.1";
    public const string Garnet = "garnet";

    /// <summary>The required servers, or those that RCO_TEST_SERVERS names with commas between.</summary>
    public static TheoryData<string> Matrix => Wanted(_ => true);

    /// <summary>The same without Garnet, which lacks features that tests of error paths need.</summary>
    public static TheoryData<string> RedisAndValkey => Wanted(name => name != Garnet);

    /// <summary>
    /// The whole matrix in the full proof, and without Garnet in the short one: a Garnet node takes seconds of processor time to start.
    /// </summary>
    public static TheoryData<string> GarnetInFullProof => KillCase.IsFullProof ? Matrix : RedisAndValkey;

    /// <summary>
    /// For tests that take long: one server in the short proof, every Redis and Valkey in the full one. The tests name different servers,
    /// so the short proof still covers all of them.
    /// </summary>
    /// <param name="server">The server of the short proof.</param>
    public static TheoryData<string> OneOf(string server) => Wanted(name => name != Garnet && (KillCase.IsFullProof || name == server));

    /// <summary>The same with Garnet, both as the server of the short proof and in the full one.</summary>
    /// <param name="server">The server of the short proof.</param>
    public static TheoryData<string> OneOfAll(string server) => Wanted(name => KillCase.IsFullProof || name == server);

    /// <summary>The same for a list of cases: in the short proof, consecutive cases take the servers in turn.</summary>
    /// <param name="server">A name of this class.</param>
    /// <param name="index">The case's place in the list of one server.</param>
    public static bool IsTaken(string server, int index) => KillCase.IsFullProof || server == InTurn[index % InTurn.Length];

    /// <exception cref="InvalidOperationException">It is not in the cache folder; the message says how to get it.</exception>
    public static ServerBinary Get(string name)
    {
        var (kind, program) = name switch
        {
            Garnet => (ServerEngine.Garnet, "garnet-server"),
            _ when name.StartsWith("valkey-") => (ServerEngine.Valkey, "valkey-server"),
            _ => (ServerEngine.Redis, "redis-server"),
        };
        return ServerBinary.At(PathOf(name, program), kind, name);
    }

    /// <summary>A program that <c>tests/servers/get</c> fetches.</summary>
    /// <exception cref="InvalidOperationException">It is not in the cache folder; the message says how to get it.</exception>
    public static string PathOf(string name, string program)
    {
        var path = Path.Combine(Folder, name, program);
        return File.Exists(path)
            ? path
            : throw new InvalidOperationException(name + " is not in " + Folder + ". Run: tests/servers/get " + name);
    }

    private static readonly string[] InTurn = [Redis70, Redis86, Valkey91];

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

    private static TheoryData<string> Wanted(Func<string, bool> fits)
    {
        IEnumerable<string> names = Environment.GetEnvironmentVariable("RCO_TEST_SERVERS") is { Length: > 0 } chosen
            ? chosen.Split(',')
            : [Redis70, Redis86, Valkey91, Garnet];
        return [.. names.Where(fits)];
    }
}
