using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Every state that a migration can be left in without a failover is recognized, and completing it keeps every key.</summary>
[Collection(nameof(SharedClusters))]
public sealed class OpenStateTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Only_the_target_is_open(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        await scene.SetSlotAsync(scene.Target, "IMPORTING", scene.Source);
        await scene.AssertOpenAsync(RedisOpenSlotState.ImportingOnly, 12, 0);

        Assert.Equal(12, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Only_the_source_is_open(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(12);
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        await scene.AssertOpenAsync(RedisOpenSlotState.MigratingOnly, 12, 0);

        Assert.Equal(12, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    // Redis 8.6 hides the keys of a slot that the node neither owns nor imports, but they still exist.
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task The_target_lost_its_flag_but_holds_keys(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 12, moved: 5);
        await scene.SetSlotAsync(scene.Target, "STABLE");
        await scene.AssertOpenAsync(RedisOpenSlotState.MigratingOnly, 7, 5);

        Assert.Equal(7, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Garnet, MemberType = typeof(Servers))]
    public async Task Both_ends_are_open_and_keys_are_on_both(string server)
    {
        var scene = await clusters.SceneAsync(server, source: 0, target: 2);
        await scene.WedgeAsync(keys: 12, moved: 5);
        await scene.AssertOpenAsync(RedisOpenSlotState.Migrating, 7, 5);

        Assert.Equal(7, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Every_key_has_moved_but_the_slot_is_still_open(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 12, moved: 12);
        await scene.AssertOpenAsync(RedisOpenSlotState.Drained, 0, 12);

        Assert.Equal(0, (await scene.CompleteSuccessfullyAsync()).KeysMoved);
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task An_open_slot_without_keys(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.OpenAsync();
        await scene.AssertOpenAsync(RedisOpenSlotState.Drained, 0, 0);

        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // On Valkey and Garnet the source clears its flag when it learns that it lost the slot.
    [Theory(Timeout = 30_000)]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Redis86)]
    public async Task The_target_owns_the_slot_but_the_source_still_has_its_flag(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 12, moved: 12);
        await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
        while ((await TestCluster.OwnLineOfAsync(scene.Source)).Slots.Contains(scene.Slot))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await scene.AssertShownAsync(RedisOpenSlotState.FinishedOnTarget, CountedOnLoser(server), 12);

        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    // On Redis the source learns of it by gossip after a while.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task The_target_owns_the_slot_but_the_source_has_not_learned_of_it(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 12, moved: 12);
        await SlotScene.DropBusPacketsAsync(scene.Source, true);
        try
        {
            await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
            await scene.AssertShownAsync(RedisOpenSlotState.FinishedOnTarget, CountedOnLoser(server), 12);

            await scene.CompleteSuccessfullyAsync();
            await scene.AssertClosedAsync();
        }
        finally
        {
            await SlotScene.DropBusPacketsAsync(scene.Source, false);
        }
    }

    // A Valkey target takes over the slot when it learns that the source gave it up, so it must not receive that message.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Redis86)]
    [InlineData(Servers.Valkey91)]
    public async Task The_source_handed_the_slot_over_but_the_target_has_not_learned_of_it(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 12, moved: 12);
        await SlotScene.DropBusPacketsAsync(scene.Target, true);
        try
        {
            await scene.SetSlotAsync(scene.Source, "NODE", scene.Target);
            await scene.AssertShownAsync(RedisOpenSlotState.FinishedOnSource, CountedOnLoser(server), 12);

            await scene.CompleteSuccessfullyAsync();
            await scene.AssertClosedAsync();
        }
        finally
        {
            await SlotScene.DropBusPacketsAsync(scene.Target, false);
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Garnet, MemberType = typeof(Servers))]
    public async Task A_closed_slot_is_not_completed_again(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 3, moved: 1);
        var plan = await scene.PlanAsync();
        await scene.CompleteSuccessfullyAsync();

        Assert.Contains(scene.Target.Endpoint.ToString(), (await scene.AssertRefusedAsync(FailureCode.SlotNotOpen, "is not open")).Message);
        // A plan from before finds the slot where it should be.
        using var core = scene.Core();
        var again = await core.CarryOutAsync(plan, default);
        Assert.Equal((MigrationOutcome.Completed, 0L), (again.Result.Outcome, again.Result.KeysMoved));
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Several_open_slots_are_shown_in_order_and_completed_one_by_one(string server)
    {
        SlotScene[] scenes =
        [
            await clusters.SceneAsync(server), await clusters.SceneAsync(server, 2, 0), await clusters.SceneAsync(server, 0, 1),
        ];
        foreach (var scene in scenes)
            await scene.WedgeAsync(keys: 4, moved: 2);
        using (var core = scenes[0].Core())
        {
            var shown = await core.GetOpenSlotsAsync(null, default);
            Assert.Equal(scenes.Select(scene => scene.Slot).Order(), shown.Select(slot => slot.Slot));
            Assert.Empty(await core.GetOpenSlotsAsync([1], default));
        }

        foreach (var scene in scenes)
            await scene.CompleteSuccessfullyAsync();
        foreach (var scene in scenes)
            await scene.AssertKeysAsync();
        using var after = scenes[0].Core();
        Assert.Empty(await after.GetOpenSlotsAsync(null, default));
    }

    // Redis 8.6 hides the keys of a slot that the node lost.
    private static long? CountedOnLoser(string server) => server == Servers.Redis86 ? null : 0;
}
