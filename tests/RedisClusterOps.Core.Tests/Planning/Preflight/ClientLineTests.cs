using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Planning.Preflight;

/// <summary>Lines of CLIENT LIST, as several servers write them.</summary>
public class ClientLineTests
{
    [Theory]
    [InlineData("name= idle=0 cmd=migrate", true)]
    [InlineData("name= idle=1 cmd=cluster|setslot", true)]
    [InlineData("name= idle=0 cmd=cluster|addslotsrange", true)]
    [InlineData("name= idle=0 cmd=cluster|delslots", true)]
    [InlineData("name= idle=0 cmd=cluster|bumpepoch", true)]
    [InlineData("name= idle=0 cmd=cluster|getkeysinslot", true)]
    [InlineData("name= idle=0 cmd=CLUSTER|SETSLOT", true)]
    [InlineData("name= idle=0 cmd=cluster", true)]
    [InlineData("name=redisclusterops-elsewhere-1 idle=0 cmd=migrate", true)]
    [InlineData("name= idle=2 cmd=migrate", false)]
    [InlineData("name= cmd=migrate", false)]
    [InlineData("name= idle=0 cmd=restore-asking", false)]
    [InlineData("name= idle=0 cmd=cluster|nodes", false)]
    [InlineData("name= idle=0 cmd=cluster|slots", false)]
    [InlineData("name= idle=0 cmd=get", false)]
    [InlineData("name=cmd=migrate idle=0 cmd=get", false)]
    [InlineData("", false)]
    public void A_client_that_just_changed_slots_is_suspected(string fields, bool expected) =>
        Assert.Equal(expected, ClientLine.Parse("id=7 addr=10.0.0.9:4711 " + fields).Single().IsSuspect);

    [Fact]
    public void Our_own_connections_are_not_suspected() =>
        Assert.False(ClientLine.Parse("id=7 name=" + NodeConnector.ConnectionName + " idle=0 cmd=migrate").Single().IsSuspect);

    [Theory]
    [InlineData("name= lib-name=", "A client at 10.0.0.9:4711")]
    [InlineData("name=night-job lib-name=", "The client 'night-job' at 10.0.0.9:4711")]
    [InlineData("name= lib-name=redis-cli", "The client 'redis-cli' at 10.0.0.9:4711")]
    [InlineData("name=redisclusterops-elsewhere-1", "Another run of this module (redisclusterops-elsewhere-1) at 10.0.0.9:4711")]
    public void A_client_is_described_by_its_name_or_library(string fields, string expected) =>
        Assert.Equal(expected, ClientLine.Parse("id=7 addr=10.0.0.9:4711 " + fields).Single().Description);

    [Fact]
    public void Every_line_is_a_client()
    {
        var clients = ClientLine.Parse("id=3 addr=10.0.0.9:1 idle=0 cmd=migrate tot-cmds=12\nid=4 addr=10.0.0.9:2 idle=5 cmd=get\r\n\n");
        Assert.Equal([("3", 0L, "migrate", 12L), ("4", 5L, "get", null)],
            clients.Select(client => (client.Id, client.Idle, client.Command, client.Commands)));
    }

    [Fact]
    public void Servers_accept_the_name_of_our_connections() =>
        Assert.Matches("^redisclusterops-[!-~]*-[0-9]+$", NodeConnector.ConnectionName);
}
