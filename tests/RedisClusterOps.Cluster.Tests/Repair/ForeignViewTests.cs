using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>A command is planned from the view of the node that gets it: what others know does not help that node.</summary>
public sealed class ForeignViewTests
{
    private const int Slot = 16383;

    // SETSLOT IMPORTING with an id that the node has forgotten failed, slot by slot.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task The_slots_of_a_dead_owner_that_some_masters_have_forgotten_are_reassigned_in_seconds_and_in_ranges(string server)
    {
        await using var cluster = await StartAsync(server);
        var dead = cluster.Node(2);
        var slots = (await TestCluster.OwnLineOfAsync(dead)).Slots.Count;
        dead.Kill();
        foreach (var observer in cluster.Nodes.Take(2))
        {
            await KillScene.UntilAsync(async () =>
                ((await TestCluster.ViewOfAsync(observer)).Single(line => line.Id == dead.Id).Flags & NodeFlags.Fail) != 0);
        }

        await cluster.Node(1).SendAsync("CLUSTER", "FORGET", dead.Id);
        var scene = new SlotScene(cluster, Slot, cluster.Node(0), cluster.Node(1));
        var started = DateTime.UtcNow;
        var outcomes = await scene.RepairAllAsync(new RepairOptions { AllowUnreachableNode = true });
        Assert.InRange((DateTime.UtcNow - started).TotalSeconds, 0, 30);
        Assert.Equal(slots, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));

        var views = await Task.WhenAll(cluster.Nodes.Take(2).Select(TestCluster.ViewOfAsync));
        Assert.All(views, view => Assert.Equal(
            HashSlot.Count, view.Where(line => line.Id != dead.Id).Sum(line => line.Slots.Count)));
        Assert.All(views, view => Assert.InRange(view.Where(line => line.Id != dead.Id).Sum(line => line.Slots.Ranges.Count), 2, 5));
    }

    // The owner believes in the new owner, and the new owner in the former one: ADDSLOTS is "already busy" everywhere.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_slot_that_its_owner_gave_to_a_master_that_was_not_importing_is_repaired(string server)
    {
        await using var cluster = await StartAsync(server);
        var scene = await GivenAwayAsync(cluster, null);
        Assert.Equal(RedisOpenSlotState.Unowned, (await scene.ShownAsync())?.State);
        Assert.All(await scene.RepairAllAsync(), outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        await scene.With(source: await cluster.OwnerOfAsync(Slot)).AssertClosedAsync(await cluster.OwnerOfAsync(Slot), highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_slot_that_its_owner_handed_to_another_goes_to_the_importer_with_its_key(string server)
    {
        await using var cluster = await StartAsync(server);
        var holder = cluster.Node(0);
        var scene = await GivenAwayAsync(cluster, holder);
        Assert.All(await scene.RepairAllAsync(), outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        Assert.Equal(holder.Id, (await cluster.OwnerOfAsync(Slot)).Id);
        Assert.Equal(1, await TestCluster.CountKeysAsync(holder, Slot));
        Assert.Null(await scene.ShownAsync());
    }

    private static async Task<SlotScene> GivenAwayAsync(TestCluster cluster, LocalNode? holder)
    {
        var scene = new SlotScene(cluster, Slot, cluster.Node(2), cluster.Node(1));
        if (holder is not null)
        {
            await scene.SetSlotAsync(holder, "IMPORTING", scene.Source);
            await SlotScene.PipelineAsync(
                holder, [RespCommand.Of("ASKING"), RespCommand.Of("SET", LabWedge.KeysOf(Slot, 1)[0], "value")]);
        }

        await scene.SetSlotAsync(scene.Source, "NODE", scene.Target);
        return scene;
    }

    private static Task<TestCluster> StartAsync(string server) => TestCluster.StartAsync(server, 3, 0, options => options with
    {
        NodeTimeout = TimeSpan.FromSeconds(2),
        Slots = LocalClusterOptions.SharesFor(3, 3),
        ConfigLines = ["cluster-require-full-coverage no"],
    });
}
