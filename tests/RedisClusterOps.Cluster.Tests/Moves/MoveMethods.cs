using System.Collections.Generic;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Each server with each way that it can move slots whole.</summary>
internal static class MoveMethods
{
    public static TheoryData<string, string> Of(IEnumerable<TheoryDataRow<string>> servers)
    {
        var cases = new TheoryData<string, string>();
        foreach (var server in servers)
        {
            cases.Add(server.Data, nameof(MoveMethod.KeyByKey));
            if (server.Data is Servers.Redis86 or Servers.Valkey91)
                cases.Add(server.Data, nameof(MoveMethod.Atomic));
        }

        return cases;
    }
}
