using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>An owner that is chosen by a repair keeps its slots and keys, also when a forgotten former owner returns.</summary>
public sealed class ReturningOwnerTests
{
    private const int Slot = 16380;
    private const int Keys = 30;

    // ADDSLOTS alone raises no epoch: the former owner took its slots back, and all keys written meanwhile were deleted.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_forgotten_owner_with_a_higher_epoch_does_not_take_its_slots_back(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, 4, 0, options => options with
        {
            NodeTimeout = TimeSpan.FromSeconds(2),
            ConfigLines = ["cluster-require-full-coverage no"],
            Slots =
            [
                [new SlotRange(0, 5000)], [new SlotRange(5001, 10000)], [new SlotRange(10001, 16373)], [new SlotRange(16374, 16383)],
            ],
        });
        var former = cluster.Node(3);
        var epoch = (await TestCluster.OwnLineOfAsync(former)).ConfigEpoch;
        Assert.All(cluster.Nodes.Take(3), node => Assert.True(TestCluster.OwnLineOfAsync(node).Result.ConfigEpoch < epoch));
        former.Kill();
        foreach (var node in cluster.Nodes.Take(3))
            await node.SendAsync("CLUSTER", "FORGET", former.Id);

        var scene = new SlotScene(cluster, Slot, former, cluster.Node(0));
        var outcomes = await scene.RepairAllAsync();
        Assert.Equal(10, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        var owner = await cluster.OwnerOfAsync(Slot);
        scene = scene.With(source: owner);
        await scene.WriteAsync(Keys);

        await former.RestartAsync();
        // A node refuses for a minute to learn of a forgotten node by gossip.
        foreach (var node in cluster.Nodes.Take(3))
        {
            await KillScene.UntilAsync(async () =>
            {
                if ((await TestCluster.ViewOfAsync(node)).Any(line => line.Id == former.Id && line.Connected))
                    return true;
                await node.SendAsync("CLUSTER", "MEET", former.Endpoint.Host, former.Endpoint.Port);
                await Task.Delay(500);
                return false;
            });
        }

        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(former)).Slots.Count == 0
            || !(await TestCluster.OwnLineOfAsync(owner)).Slots.Contains(Slot));
        Assert.Equal(Keys, await TestCluster.CountKeysAsync(owner, Slot));
        Assert.Equal(0, (await TestCluster.OwnLineOfAsync(former)).Slots.Count);
        await scene.AssertKeysAsync();
    }
}
