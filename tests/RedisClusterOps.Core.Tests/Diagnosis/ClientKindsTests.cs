using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>Which client libraries are connected, by the lines of CLIENT LIST.</summary>
public class ClientKindsTests
{
    [Fact]
    public void Connections_are_counted_by_library_and_version_over_all_nodes()
    {
        const string A = "id=3 addr=10.0.0.9:1 flags=N cmd=get lib-name=SE.Redis lib-ver=2.8.16\n"
            + "id=4 addr=10.0.0.9:2 flags=P cmd=subscribe lib-name=SE.Redis lib-ver=2.8.16\n"
            + "id=5 addr=10.0.0.8:3 flags=N cmd=get lib-name= lib-ver=\n";
        const string B = "id=3 addr=10.0.0.9:4 flags=N cmd=get lib-name=SE.Redis lib-ver=2.8.16\n"
            + "id=4 addr=10.0.0.7:5 flags=N cmd=get lib-name=SE.Redis lib-ver=2.0.0\n";
        var libraries = ClientKinds.LibrariesOf([("a:1", ClientLine.Parse(A)), ("b:1", ClientLine.Parse(B))]);
        Assert.Equal(
            ["SE.Redis 2.8.16: 3 on a:1 b:1", " : 1 on a:1", "SE.Redis 2.0.0: 1 on b:1"],
            libraries.Select(one => one.Name + " " + one.Version + ": " + one.Connections + " on " + string.Join(" ", one.Nodes)));
    }

    [Fact]
    public void Replicas_and_connections_of_this_module_are_no_clients()
    {
        var clients = ClientLine.Parse(
            "id=1 name= flags=S cmd=replconf\nid=2 name= flags=M cmd=ping\n"
                + "id=3 flags=N name=" + NodeConnector.ConnectionName + " cmd=info\n"
                + "id=4 flags=N name=redisclusterops-other-7 cmd=info\n");
        Assert.Empty(ClientKinds.LibrariesOf([("a:1", clients)]));
    }
}
