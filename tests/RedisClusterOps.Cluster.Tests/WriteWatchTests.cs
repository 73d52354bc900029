using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>Tests both detectors of writes: they report what was written.</summary>
public sealed class WriteWatchTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Counts_distinguish_reads_from_writes(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        await cluster.Wedge().WedgeAsync();

        var start = await CommandCounts.ReadAsync(cluster.Nodes);
        await cluster.Wedge().ReadBackAsync();
        await cluster.Node(1).SendAsync("CLUSTER", "GETKEYSINSLOT", LabWedge.DefaultSlot, 10);
        var middle = await CommandCounts.ReadAsync(cluster.Nodes);
        Assert.Empty(middle.WritesSince(start));

        await cluster.Wedge().WedgeAsync(slot: 1, keys: 2, moved: 1);
        var writes = (await CommandCounts.ReadAsync(cluster.Nodes)).WritesSince(middle);
        Assert.Contains(writes, write => write.Contains(" set "));
        Assert.Contains(writes, write => write.Contains("setslot"));
        Assert.Contains(writes, write => write.Contains("migrate"));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_tap_records_the_commands_of_clients_on_every_node(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        await using var tap = await MonitorTap.StartAsync(cluster);
        await cluster.Wedge().WedgeAsync(keys: 3, moved: 1);
        var seen = await tap.SeenAsync();
        Assert.Equal(3, seen.Count(command => command.Name == "set" && command.Node == cluster.Node(1).Endpoint));
        Assert.Contains(seen, command => command.Name == "migrate");
        Assert.Contains(seen, command => command.Name == "restore-asking" && command.Node == cluster.Node(3).Endpoint);
    }
}
