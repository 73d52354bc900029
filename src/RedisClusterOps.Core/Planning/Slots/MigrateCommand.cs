using System;
using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Slots;

/// <summary>All of a MIGRATE but its keys: where to, how long, as whom.</summary>
/// <remarks>Always the KEYS form, with an empty key before it: the form with one key crashes Garnet's session.</remarks>
/// <param name="Target">The target's address as the source knows it, which need not be the one that we dial.</param>
/// <param name="Timeout">How long the source waits for the target without a byte coming or going.</param>
/// <param name="User">User for AUTH2; null for AUTH, or for none.</param>
/// <param name="Password">Null to not log in.</param>
internal sealed record MigrateCommand(NodeEndpoint Target, TimeSpan Timeout, string? User, string? Password)
{
    public static MigrateCommand From(RedisClusterSession session, MoveOptions options, ClusterNode source, ClusterNode target) => new(
        AddressOf(source, target), options.Timeout, session.User, session.Options.Password);

    public RespCommand For(int database, bool replace, IReadOnlyList<byte[]> keys)
    {
        // The server takes 0 as 1000 ms, so the least that can be asked is 1.
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

    /// <summary>The command as a plan shows it, with the number of keys for the keys.</summary>
    public string Describe(int database, long? keys)
    {
        var written = For(database, replace: false, []).ToString();
        var count = keys is { } known ? known.ToString(CultureInfo.InvariantCulture) + (known == 1 ? " key" : " keys") : "keys";
        return written.Replace("KEYS <0 keys>", "KEYS <" + count + ", in batches>");
    }

    public override string ToString() => Describe(0, null);

    private static NodeEndpoint AddressOf(ClusterNode source, ClusterNode target)
    {
        var told = source.View?.Line(target.Id)?.Endpoint ?? target.Announced ?? target.View!.Dialled;
        // Without such a port the preflight refuses.
        return source.View?.MigratePorts is { } ports && ports.TryGetValue(target.Id, out var port) ? new NodeEndpoint(told.Host, port) : told;
    }
}
