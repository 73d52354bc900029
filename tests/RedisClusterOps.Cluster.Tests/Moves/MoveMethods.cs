using System.Collections.Generic;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>The servers, each with the methods by which it moves whole slots.</summary>
internal static class MoveMethods
{
    /// <summary>The servers of a test that does not depend on the server: one of them in the short proof.</summary>
    public static TheoryData<string> One => KillCase.IsFullProof ? Servers.RedisAndValkey : [Servers.Redis70];

    /// <summary>Every method of every server.</summary>
    public static TheoryData<string, MoveMethod> All => Of(Servers.RedisAndValkey);

    /// <summary>Every method of every server in the full proof, and each method on one server in the short one.</summary>
    public static TheoryData<string, MoveMethod> OneOfEach => KillCase.IsFullProof
        ? All
        : new() { { Servers.Redis70, MoveMethod.KeyByKey }, { Servers.Valkey91, MoveMethod.Atomic } };

    private static TheoryData<string, MoveMethod> Of(IEnumerable<TheoryDataRow<string>> servers)
    {
        var cases = new TheoryData<string, MoveMethod>();
        foreach (var server in servers)
        {
            cases.Add(server.Data, MoveMethod.KeyByKey);
            if (server.Data is Servers.Redis86 or Servers.Valkey91)
                cases.Add(server.Data, MoveMethod.Atomic);
        }

        return cases;
    }
}
