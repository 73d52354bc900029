using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>A user who may do everything that the rules do not take away.</summary>
internal static class RestrictedUser
{
    private const string Name = "operator";
    private const string Password = "secret";

    /// <summary>Makes the user on these nodes, or gives him other rights.</summary>
    public static async Task<RedisClusterSession> OnAsync(IReadOnlyList<LocalNode> nodes, string rules)
    {
        foreach (var node in nodes)
            await node.SendAsync(["ACL", "SETUSER", Name, "reset", "on", ">" + Password, "~*", "&*", "+@all", .. rules.Split(' ')]);
        return new RedisClusterSession([nodes[0].Endpoint], new ConnectionOptions { User = Name, Password = Password });
    }
}
