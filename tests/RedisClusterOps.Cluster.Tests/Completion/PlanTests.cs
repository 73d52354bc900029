using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>-WhatIf shows the commands of each node and sends none of them.</summary>
[Collection(nameof(SharedClusters))]
public sealed class PlanTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_wedged_slot_is_drained_then_assigned_on_the_target_the_source_and_the_other_masters(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 150, moved: 50);
        var watch = await WriteWatch.StartAsync(scene.Cluster);

        var plan = await scene.PlanAsync();

        await watch.AssertNothingWrittenAsync();
        Assert.Equal((RedisOpenSlotState.Migrating, scene.Source.Id, scene.Target.Id), (plan.State, plan.SourceId, plan.TargetId));
        Assert.Equal(100, plan.KeysOnSource);
        Assert.Empty(plan.Warnings);
        Assert.All(plan.Commands, command => Assert.NotEmpty(command.Why));
        AssertCommands(scene, plan, [Migrate(scene, 100), .. Closing(scene)]);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_half_opened_slot_is_opened_on_the_other_end_first(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(1);
        var watch = await WriteWatch.StartAsync(scene.Cluster);
        await scene.SetSlotAsync(scene.Target, "IMPORTING", scene.Source);
        var importing = await scene.PlanAsync();
        AssertCommands(
            scene, importing, [(scene.Source, SetSlot(scene, "MIGRATING " + scene.Target.Id)), Migrate(scene, 1), .. Closing(scene)]);

        await scene.SetSlotAsync(scene.Target, "STABLE");
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        var migrating = await scene.PlanAsync();
        AssertCommands(
            scene, migrating, [(scene.Target, SetSlot(scene, "IMPORTING " + scene.Source.Id)), Migrate(scene, 1), .. Closing(scene)]);

        // The watch does detect writes: the three by hand.
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(watch.AssertNothingWrittenAsync);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_drained_slot_is_assigned_without_moving_keys(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 3, moved: 3);
        AssertCommands(scene, await scene.PlanAsync(), [.. Closing(scene)]);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    private static void AssertCommands(SlotScene scene, SlotPlan plan, (LocalNode Node, string Command)[] expected)
    {
        var planned = plan.Commands.Select(command => (command.Node, command.Command)).ToList();
        Assert.Equal(expected.Select(command => (command.Node.Endpoint.ToString(), command.Command)), planned.Take(expected.Length));
        // The other masters come last, in any order.
        var others = scene.Cluster.Masters.Where(node => node != scene.Source && node != scene.Target);
        Assert.Equal(
            others.Select(node => (node.Endpoint.ToString(), SetSlot(scene, "NODE " + scene.Target.Id))).Order(),
            planned.Skip(expected.Length).Order());
    }

    private static (LocalNode Node, string Command) Migrate(SlotScene scene, int keys) => (
        scene.Source,
        "MIGRATE " + scene.Target.Endpoint.Host + " " + scene.Target.Endpoint.Port + " \"\" 0 60000 KEYS <"
            + keys + (keys == 1 ? " key" : " keys") + ", in batches>");

    // Valkey 8 and later wait for the target's replicas, for a limited time.
    private static IEnumerable<(LocalNode Node, string Command)> Closing(SlotScene scene) =>
    [
        (scene.Target, SetSlot(scene, "NODE " + scene.Target.Id + (scene.Cluster.IsValkey ? " TIMEOUT 200" : string.Empty))),
        (scene.Source, SetSlot(scene, "NODE " + scene.Target.Id)),
    ];

    private static string SetSlot(SlotScene scene, string action) => "CLUSTER SETSLOT " + scene.Slot + " " + action;
}
