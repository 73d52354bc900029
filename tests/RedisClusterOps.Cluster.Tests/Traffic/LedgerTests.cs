using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>
/// An application runs while its slot is completed, undone and repaired. The cluster matches its ledger of acknowledged writes exactly.
/// </summary>
[Collection(nameof(TrafficClusters))]
public sealed class LedgerTests(SharedClusters clusters)
{
    private const int Keys = 12_000;
    private const int Moved = 4_000;

    // A few seconds, so that every worker uses keys before, while and after they move.
    private static readonly MoveOptions Paced = new() { MaxKeysPerSecond = 4_000 };

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Completing_under_traffic(string server)
    {
        var scene = await WedgedAsync(server, Moved);
        var application = await WithTrafficAsync(
            scene,
            TrafficKind.Everything,
            MigrationOutcome.Completed,
            core => core.PlanCompletionAsync(scene.Slot, null, null, Paced, default));
        await AssertUnnoticedAsync(application, scene, scene.Target);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Undoing_by_a_round_trip(string server)
    {
        var scene = await WedgedAsync(server, Moved);
        var before = await OwnersAsync(scene);
        var application = await WithTrafficAsync(
            scene, TrafficKind.Everything, MigrationOutcome.RolledBack, core => UndoAsync(core, scene, UndoStrategy.RoundTrip, Paced));
        await AssertUnnoticedAsync(application, scene, scene.Source);
        Assert.Equal(before, await OwnersAsync(scene));
    }

    // The first new key may reach the target at any moment: before, between or after its counts.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Undoing_while_new_keys_arrive_on_an_empty_target(string server)
    {
        for (var round = 0; round < 5; round++)
        {
            var scene = await WedgedAsync(server, moved: 0, keys: 200);
            var before = await OwnersAsync(scene);
            using var core = scene.Core();
            var plan = await UndoAsync(core, scene, UndoStrategy.RoundTrip, new MoveOptions());
            Assert.Equal(0, plan.KeysOnTarget);
            var application = new Application(scene, TrafficKind.Everything);
            using var end = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            var working = application.RunAsync(end.Token);
            await application.UntilAsync(round * 20);
            var outcome = await core.CarryOutAsync(plan, default);
            await application.UntilAsync(application.Operations + 200);
            await end.CancelAsync();
            await working;
            Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
            await AssertUnnoticedAsync(application, scene, scene.Source);
            Assert.Equal(before, await OwnersAsync(scene));
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Repairing_a_slot_that_a_third_master_imports_too(string server)
    {
        var scene = await WedgedAsync(server, Moved);
        await scene.SetSlotAsync(scene.Cluster.Node(0), "IMPORTING", scene.Source);
        var application = await WithTrafficAsync(scene, TrafficKind.Everything, MigrationOutcome.Repaired, async core =>
            Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [scene.Slot] }, Paced, default)));
        await AssertUnnoticedAsync(application, scene, scene.Target);
    }

    // The documented window: moved keys read as missing until they are back. Nothing is written, so no value can differ.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Pulling_back_under_reads(string server)
    {
        var scene = await WedgedAsync(server, Moved);
        var before = await OwnersAsync(scene);
        var application = await WithTrafficAsync(
            scene, TrafficKind.Reads, MigrationOutcome.RolledBack, core => UndoAsync(core, scene, UndoStrategy.PullBack, Paced));
        Assert.Empty(application.Errors);
        Assert.NotEmpty(application.Wrong);
        Assert.All(application.Wrong, read => Assert.Contains("read nothing instead of", read));
        var differences = await application.LedgerDifferencesAsync(scene, scene.Source);
        Assert.True(differences.Count == 0, string.Join("; ", differences.Take(6)));
        Assert.Equal(before, await OwnersAsync(scene));
        Assert.Null(await scene.ShownAsync());
    }

    // A key that is written in the window exists on both nodes afterwards. The value of the source is the newer one.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Pulling_back_under_writes_keeps_the_values_of_the_source(string server)
    {
        // Each conflict is resolved individually, so only few keys had moved.
        var scene = await WedgedAsync(server, moved: 1_000);
        var application = await WithTrafficAsync(
            scene, TrafficKind.ReadsAndSets, MigrationOutcome.RolledBack, core => UndoAsync(
                core, scene, UndoStrategy.PullBack, Paced with { OnKeyConflict = KeyConflictAction.KeepInUse }));
        Assert.Empty(application.Errors);
        Assert.All(application.Wrong, read => Assert.Contains("read nothing instead of", read));
        var differences = await application.LedgerDifferencesAsync(scene, scene.Source);
        Assert.True(differences.Count == 0, string.Join("; ", differences.Take(6)));
        Assert.Null(await scene.ShownAsync());
    }

    private static Task<SlotPlan> UndoAsync(RedisCluster core, SlotScene scene, UndoStrategy strategy, MoveOptions options) =>
        core.PlanUndoAsync(scene.Slot, null, null, strategy, false, options, default);

    private async Task<SlotScene> WedgedAsync(string server, int moved, int keys = Keys)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys, moved);
        return scene;
    }

    private static async Task<Application> WithTrafficAsync(
        SlotScene scene, TrafficKind kind, MigrationOutcome expected, Func<RedisCluster, Task<SlotPlan>> plan)
    {
        var application = new Application(scene, kind);
        using var end = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var working = application.RunAsync(end.Token);
        await application.UntilAsync(500);
        var before = application.Operations;
        using var core = scene.Core();
        var outcome = await core.CarryOutAsync(await plan(core), default);
        var during = application.Operations - before;
        await application.UntilAsync(before + during + 500);
        await end.CancelAsync();
        await working;
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        Assert.Equal(expected, outcome.Result.Outcome);
        Assert.True(during > 20, "Only " + during + " operations ran during the run, too few to prove anything.");
        return application;
    }

    private static async Task AssertUnnoticedAsync(Application application, SlotScene scene, LocalNode owner)
    {
        Assert.Empty(application.Wrong);
        Assert.Empty(application.Errors);
        var differences = await application.LedgerDifferencesAsync(scene, owner);
        Assert.True(differences.Count == 0, string.Join("; ", differences.Take(6)));
        Assert.Null(await scene.ShownAsync());
    }

    /// <summary>The slots of each master, as each reports its own.</summary>
    private static async Task<IReadOnlyList<string>> OwnersAsync(SlotScene scene) =>
        await Task.WhenAll(
            scene.Cluster.Masters.Select(async master => master.Id + " " + (await TestCluster.OwnLineOfAsync(master)).Slots));
}
