using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.States;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>
/// A slot without an owner or with two gets the owner that keeps every key. If there is no such owner, the operator has to choose.
/// </summary>
[Collection(nameof(RepairClusters))]
public sealed class CoverageTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_slot_without_keys_goes_to_the_master_with_the_fewest_slots(string server)
    {
        var scene = await UnownedAsync(server, "Unowned, no key");
        var loads = await Task.WhenAll(
            scene.Cluster.Masters.Select(async node => (node, (await TestCluster.OwnLineOfAsync(node)).Slots.Count)));
        var result = await scene.RepairSuccessfullyAsync();
        // A master without slots may have been drained on purpose.
        Assert.Equal(
            loads.Where(load => load.Count > 0).Min(load => load.Count), loads.Single(load => load.node.Id == result.TargetId).Count);
        await scene.AssertClosedAsync(scene.Cluster.NodeOf(result.TargetId!), highestEpoch: false);
    }

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_slot_goes_to_the_only_master_with_its_keys(string server)
    {
        var scene = await UnownedAsync(server, "Unowned, one holder");
        Assert.Equal(scene.Source.Id, (await scene.RepairSuccessfullyAsync()).TargetId);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_slot_with_keys_on_several_masters_needs_a_chosen_owner(string server)
    {
        var scene = await UnownedAsync(server, "Unowned, two holders");
        var watch = await WriteWatch.StartAsync(scene.Cluster);
        var refusal = (await scene.PlanRepairAsync()).Refusal;
        await watch.AssertNothingWrittenAsync();
        Assert.Equal(FailureCode.SlotStateUnsuitable, refusal?.Code);
        Assert.Contains(scene.Source.Endpoint + " (7 keys)", refusal!.Message);
        Assert.Contains(scene.Target.Endpoint + " (5 keys)", refusal.Message);
        Assert.Equal("Repair-RedisCluster -Slot " + scene.Slot + " -Target " + scene.Source.Endpoint, refusal.NextStep());

        Assert.Equal(5, (await scene.RepairSuccessfullyAsync(new RepairOptions { Target = scene.Source.Id })).KeysMoved);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task The_chosen_owner_may_be_without_keys(string server)
    {
        var scene = await UnownedAsync(server, "Unowned, two holders");
        var chosen = scene.Cluster.Node(0);
        Assert.Equal(12, (await scene.RepairSuccessfullyAsync(new RepairOptions { Target = chosen.Endpoint.ToString() })).KeysMoved);
        await scene.AssertClosedAsync(chosen, highestEpoch: false);
    }

    // Redis 8.6 counts no keys of a slot that a node neither owns nor imports, but keeps them.
    [Theory]
    [InlineData("Unowned, one holder")]
    [InlineData("Unowned, two holders")]
    public async Task Masters_that_hide_keys_are_found_first(string state)
    {
        var scene = await UnownedAsync(Servers.Redis86, state);
        var plan = await scene.PlanRepairAsync();
        Assert.True(plan is { IsPartial: true, Refusal: null });
        Assert.Equal(scene.Cluster.Masters.Count, plan.Commands.Count);
        Assert.All(
            plan.Commands, command => Assert.Matches(" IMPORTING .*IMPORTING makes them countable", command.Command + " " + command.Why));
        if (state == "Unowned, two holders")
        {
            var undecided = (await scene.RepairAsync()).Failure;
            Assert.Equal(FailureCode.SlotStateUnsuitable, undecided?.Code);
            Assert.Contains(scene.Source.Endpoint + " (7 keys)", undecided!.Message);
            Assert.Contains(scene.Target.Endpoint + " (5 keys)", undecided.Message);
            Assert.Equal(5, (await scene.RepairSuccessfullyAsync(new RepairOptions { Target = scene.Source.Id })).KeysMoved);
        }
        else
        {
            Assert.Equal(scene.Source.Id, (await scene.RepairSuccessfullyAsync()).TargetId);
        }

        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // A named owner is never replaced silently.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_target_that_contradicts_the_flags_is_refused(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(12, moved: 5);
        var third = scene.Cluster.Masters.First(node => node != scene.Source && node != scene.Target);
        foreach (var (chosen, next) in new[] { (scene.Source, "Undo-RedisSlotMigration -Slot "), (third, "Repair-RedisCluster -Slot ") })
        {
            var refusal = (await scene.PlanRepairAsync(new RepairOptions { Target = chosen.Id })).Refusal;
            Assert.Equal((FailureCode.SlotStateUnsuitable, next + scene.Slot), (refusal?.Code, refusal?.NextStep()));
            Assert.Contains("goes to " + scene.Target.Endpoint + ", not " + chosen.Endpoint, refusal!.Message);
        }

        await scene.RepairSuccessfullyAsync(new RepairOptions { Target = scene.Target.Id });
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Coverage_can_be_skipped(string server)
    {
        var unowned = await UnownedAsync(server, "Unowned, no key");
        try
        {
            Assert.Empty(await unowned.RepairAllAsync(new RepairOptions { SkipCoverage = true }));
            Assert.Equal(RedisOpenSlotState.Unowned, (await unowned.ShownAsync())?.State);
        }
        finally
        {
            await unowned.RepairSuccessfullyAsync();
        }
    }

    // A slot that needs a decision is skipped, and the others are repaired.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_slot_that_needs_a_decision_does_not_block_the_others(string server)
    {
        var open = await clusters.SceneAsync(server);
        // Otherwise no key can move before every slot has an owner.
        foreach (var node in open.Cluster.Nodes)
            await node.SendAsync("CONFIG", "SET", "cluster-require-full-coverage", "no");
        await open.WedgeAsync(12, moved: 5);
        var conflicting = await clusters.SceneAsync(server);
        await conflicting.WriteAsync(12);
        await conflicting.StrayAsync(conflicting.Target, conflicting.Keys[2], "another value");
        var undecided = await UnownedAsync(server, "Unowned, two holders");

        var outcomes = await open.RepairAllAsync();
        Assert.Equal([undecided.Slot, conflicting.Slot, open.Slot], outcomes.Select(outcome => outcome.Result.Slot));
        Assert.Equal(
            [FailureCode.SlotStateUnsuitable, FailureCode.KeyExistsOnTarget, null], outcomes.Select(outcome => outcome.Failure?.Code));
        Assert.Equal(
            [MigrationOutcome.Failed, MigrationOutcome.Failed, MigrationOutcome.Repaired],
            outcomes.Select(outcome => outcome.Result.Outcome));

        await undecided.RepairSuccessfullyAsync(new RepairOptions { Target = undecided.Source.Id });
        await conflicting.RepairSuccessfullyAsync(options: new MoveOptions { OnKeyConflict = KeyConflictAction.KeepInUse });
        // The repair of the slot without an owner raised the epoch of that master later.
        await open.AssertClosedAsync(highestEpoch: false);
        Assert.Empty(await open.RepairAllAsync());
    }

    // Only Valkey drops all cluster bus packets. Redis resolves the conflict itself and deletes the keys of the loser.
    [Fact]
    public async Task Of_two_claiming_masters_the_empty_one_loses_the_slot()
    {
        // A master without other slots would become a replica when it gives up the slot.
        var scene = await clusters.SceneAsync(Servers.Valkey91, target: 2);
        var state = OpenStates.Get("ClaimedWithoutEpoch");
        await state.MakeAsync(scene);
        try
        {
            Assert.Equal(RedisOpenSlotState.ClaimedWithoutEpoch, (await scene.ShownAsync())?.State);
            var outcome = await scene.RepairAsync();
            Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
            Assert.Equal((MigrationOutcome.Repaired, scene.Source.Id), (outcome.Result.Outcome, outcome.Result.TargetId));
        }
        finally
        {
            foreach (var deaf in state.Deaf(scene))
                await SlotScene.DropBusPacketsAsync(deaf, false);
        }

        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_healthy_slot_is_skipped_and_nothing_is_written(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(3);
        var watch = await WriteWatch.StartAsync(scene.Cluster);
        var outcome = await scene.RepairAsync();
        await watch.AssertNothingWrittenAsync();
        Assert.Equal(MigrationOutcome.Skipped, outcome.Result.Outcome);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    // The whole cluster replies CLUSTERDOWN until the slot has an owner again.
    private async Task<SlotScene> UnownedAsync(string server, string state)
    {
        var scene = await clusters.SceneAsync(server);
        await OpenStates.Get(state).MakeAsync(scene);
        return scene;
    }
}
