using System;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A slot with a problem does not block the others. It fails individually with a next action, and the others move.</summary>
public sealed class SlotTroubleTests
{
    private const int Keys = 20_000;
    private static readonly MoveOptions KeyByKey = new() { Method = MoveMethod.KeyByKey };

    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_slot_with_an_equal_key_on_the_target_moves(string server)
    {
        await using var scene = await TroubleScene.StartAsync(server, Keys);
        await scene.StrayAsync(scene.Key, FilledCluster.Value(scene.KeyNumber));
        var outcomes = await scene.RunAsync(KeyByKey);
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        await scene.AssertMovedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_slot_with_a_conflicting_key_fails_until_the_conflict_is_resolved(string server)
    {
        await using var scene = await TroubleScene.StartAsync(server, Keys);
        await scene.StrayAsync(scene.Key, "another value");
        var outcomes = await scene.RunAsync(KeyByKey);
        var failed = Assert.Single(outcomes, outcome => outcome.Failure is not null);
        Assert.Equal(
            (scene.Slot, FailureCode.KeyExistsOnTarget, MigrationOutcome.Failed),
            (failed.Result.Slot, failed.Failure!.Code, failed.Result.Outcome));
        Assert.Equal(scene.Plan.SlotCount - 1, outcomes.Count(outcome => outcome.Result.Outcome == MigrationOutcome.Moved));
        Assert.Contains("Resume-RedisMigration", failed.Failure.NextStep() ?? string.Empty, StringComparison.Ordinal);

        var decided = Assert.Single(await scene.ResumeAsync(KeyByKey with { OnKeyConflict = KeyConflictAction.KeepInUse }));
        Assert.True(decided.Failure is null, decided.Failure?.Message);
        Assert.Equal(
            (scene.Slot, MigrationOutcome.Moved, 1L), (decided.Result.Slot, decided.Result.Outcome, decided.Result.KeysConflicting));
        await scene.AssertMovedAsync();
    }

    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task With_KeepInUse_the_values_of_the_source_are_kept(string server)
    {
        await using var scene = await TroubleScene.StartAsync(server, Keys);
        await scene.StrayAsync(scene.Key, "another value");
        var outcomes = await scene.RunAsync(KeyByKey with { OnKeyConflict = KeyConflictAction.KeepInUse });
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.Contains(
            "saved", Assert.Single(outcomes, outcome => outcome.Result.KeysConflicting > 0).Result.Reason, StringComparison.Ordinal);
        await scene.AssertMovedAsync();
    }

    // The slot was opened after planning. The owners are the same, so the plan is still valid.
    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_slot_that_migrates_to_another_node_is_not_touched(string server)
    {
        await using var scene = await TroubleScene.StartAsync(server, Keys);
        var other = scene.Cluster.Nodes[1];
        await other.SendAsync("CLUSTER", "SETSLOT", scene.Slot, "IMPORTING", scene.Source.Id);
        await scene.Source.SendAsync("CLUSTER", "SETSLOT", scene.Slot, "MIGRATING", other.Id);
        var outcomes = await scene.RunAsync(KeyByKey);
        var failed = Assert.Single(outcomes, outcome => outcome.Failure is not null);
        Assert.Equal((scene.Slot, FailureCode.StalePlan), (failed.Result.Slot, failed.Failure!.Code));
        Assert.Equal(scene.Plan.SlotCount - 1, outcomes.Count(outcome => outcome.Result.Outcome == MigrationOutcome.Moved));
        await other.SendAsync("CLUSTER", "SETSLOT", scene.Slot, "STABLE");
        await scene.Source.SendAsync("CLUSTER", "SETSLOT", scene.Slot, "STABLE");
        Assert.True(Assert.Single(await scene.ResumeAsync(KeyByKey)).Failure is null);
        await scene.AssertMovedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_slot_with_a_value_too_large_for_the_timeout_fails_until_the_timeout_is_longer(string server)
    {
        await using var scene = await TroubleScene.StartAsync(server, Keys);
        var large = "{" + FilledCluster.Name(scene.KeyNumber) + "}:large";
        await scene.Source.SendAsync("SETRANGE", large, 60 << 20, "end");
        var impatient = KeyByKey with { Timeout = TimeSpan.FromMilliseconds(20) };
        var outcomes = await scene.RunAsync(impatient);
        var failed = Assert.Single(outcomes, outcome => outcome.Failure is not null);
        Assert.Equal((scene.Slot, FailureCode.KeyMoveTimedOut), (failed.Result.Slot, failed.Failure!.Code));
        Assert.Equal(scene.Plan.SlotCount - 1, outcomes.Count(outcome => outcome.Result.Outcome == MigrationOutcome.Moved));
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();

        Assert.True(Assert.Single(await scene.ResumeAsync(KeyByKey)) is { Failure: null }, "The slot did not move.");
        Assert.Equal((60 << 20) + 3, (await scene.Target.SendAsync("STRLEN", large)).Integer);
        await scene.Target.SendAsync("DEL", large);
        await scene.AssertMovedAsync();
    }

    // Valkey 9.1 crashes with an assertion if it receives a slot of which it already holds keys.
    [Theory]
    [InlineData(KeyConflictAction.KeepInUse)]
    [InlineData(KeyConflictAction.Stop)]
    public async Task A_slot_with_keys_on_the_target_moves_key_by_key_in_an_atomic_run(KeyConflictAction onConflict)
    {
        await using var scene = await TroubleScene.StartAsync(Servers.Valkey91, Keys);
        await scene.StrayAsync(scene.Key, "another value");
        var outcomes = await scene.RunAsync(new MoveOptions { Method = MoveMethod.Atomic, OnKeyConflict = onConflict });
        Assert.Equal(
            scene.Plan.SlotCount - 1, outcomes.Count(outcome => outcome.Result is { Outcome: MigrationOutcome.Moved, Method: "Atomic" }));
        var alone = Assert.Single(outcomes, outcome => outcome.Result.Slot == scene.Slot);
        Assert.Equal("KeyByKey", alone.Result.Method);
        Assert.Equal(onConflict == KeyConflictAction.Stop ? FailureCode.KeyExistsOnTarget : null, alone.Failure?.Code);
        if (alone.Failure is not null)
        {
            var rest = await scene.ResumeAsync(KeyByKey with { OnKeyConflict = KeyConflictAction.KeepInUse });
            Assert.True(Assert.Single(rest) is { Failure: null });
        }

        await scene.AssertMovedAsync();
    }
}
