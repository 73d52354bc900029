using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

public sealed class LabWedgeTests
{
    [Fact]
    public void The_key_of_the_runbook_is_in_its_slot() =>
        Assert.Equal(LabWedge.DefaultSlot, HashSlot.Of(Encoding.UTF8.GetBytes(LabWedge.DefaultKey)));

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_wedged_slot_has_both_flags_and_its_keys_on_both_sides(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var wedged = await cluster.Wedge().WedgeAsync();

        var source = cluster.NodeAt(wedged.Source);
        var target = cluster.NodeAt(wedged.Target);
        Assert.Equal(cluster.Node(1).Id, source.Id);
        Assert.Equal(cluster.Node(3).Id, target.Id);
        Assert.Equal(target.Id, (await TestCluster.OwnLineOfAsync(source)).MigratingTo[LabWedge.DefaultSlot]);
        Assert.Equal(source.Id, (await TestCluster.OwnLineOfAsync(target)).ImportingFrom[LabWedge.DefaultSlot]);
        Assert.Equal(100, await TestCluster.CountKeysAsync(source, LabWedge.DefaultSlot));
        // Garnet counts only the slots that a node owns. There, the keys are read back below.
        if (!cluster.IsGarnet)
            Assert.Equal(50, await TestCluster.CountKeysAsync(target, LabWedge.DefaultSlot));
        Assert.Equal(new ReadBack(150, 0, 0, 0), await cluster.Wedge().ReadBackAsync());
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Any_slot_can_be_wedged_to_a_chosen_master(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var wedged = await cluster.Wedge().WedgeAsync(cluster.Node(2).Endpoint, slot: 0, keys: 3, moved: 0);
        Assert.Equal(cluster.Node(2).Endpoint, wedged.Target);
        Assert.Equal(3, await TestCluster.CountKeysAsync(cluster.Node(0), 0));
        Assert.Equal(3, (await cluster.Wedge().ReadBackAsync(slot: 0, keys: 3)).Right);
    }
}
