using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>A user with all permissions except those that the rules remove.</summary>
internal static class RestrictedUser
{
    private const string Name = "operator";
    private const string Password = "secret";

    /// <summary>Creates the user on these nodes or replaces its rules.</summary>
    public static async Task<RedisClusterSession> OnAsync(IReadOnlyList<LocalNode> nodes, string rules)
    {
        foreach (var node in nodes)
            await node.SendAsync(["ACL", "SETUSER", Name, "reset", "on", ">" + Password, "~*", "&*", "+@all", .. rules.Split(' ')]);
        return new RedisClusterSession([nodes[0].Endpoint], new ConnectionOptions { User = Name, Password = Password });
    }
}
