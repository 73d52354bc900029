using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Slots;

/// <summary>A MIGRATE command without its keys.</summary>
/// <remarks>Always the KEYS form, with an empty key before it: the form with a single key crashes Garnet's session.</remarks>
/// <param name="Target">The target's address as the source knows it. It may differ from the address that we connect to.</param>
/// <param name="Timeout">How long the source waits for the target while no byte is transferred.</param>
/// <param name="User">The user for AUTH2; null for AUTH, or for no login.</param>
/// <param name="Password">The password; null for no login.</param>
internal sealed record MigrateCommand(NodeEndpoint Target, TimeSpan Timeout, string? User, string? Password)
{
    public static MigrateCommand From(RedisClusterSession session, MoveOptions options, ClusterNode source, ClusterNode target) => new(
        AddressOf(source, target), options.Timeout, session.User, session.Options.Password);

    public RespCommand For(int database, bool replace, IReadOnlyList<byte[]> keys)
    {
        // The server reads a timeout of 0 as 1000 ms, so the shortest is 1.
        var arguments = new List<object>
        {
            "MIGRATE", Target.Host, Target.Port, string.Empty, database, (long)Math.Max(1, Timeout.TotalMilliseconds),
        };
        if (replace)
            arguments.Add("REPLACE");
        if (Password is not null)
            arguments.AddRange(User is null ? ["AUTH", Password] : ["AUTH2", User, Password]);
        arguments.Add("KEYS");
        arguments.AddRange(keys);
        return RespCommand.Of([.. arguments]);
    }

    /// <summary>The command as a plan shows it, with the number of keys instead of the keys.</summary>
    public string Describe(int database, long? keys)
    {
        var command = For(database, replace: false, []).ToString();
        var count = keys is { } known ? Numbers.Count(known, "key") : "keys";
        return command.Replace("KEYS <0 keys>", "KEYS <" + count + ", in batches>");
    }

    public override string ToString() => Describe(0, null);

    private static NodeEndpoint AddressOf(ClusterNode source, ClusterNode target)
    {
        var known = source.View?.Line(target.Id)?.Endpoint ?? target.Announced ?? target.View!.Dialled;
        // If no port fits, the preflight check refuses the plan.
        return source.View?.MigratePorts is { } ports && ports.TryGetValue(target.Id, out var port)
            ? new NodeEndpoint(known.Host, port)
            : known;
    }
}
