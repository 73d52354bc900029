using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>Keys of an open slot are moved without closing the slot.</summary>
[Collection(nameof(SharedClusters))]
public sealed class MoveKeysTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_limited_number_of_keys_moves_and_the_rest_stays(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 50, moved: 10);

        var move = await MoveAsync(scene, first: 15);

        Assert.Equal((15L, 0L, 0L, 25L), (move.KeysMoved, move.KeysMissing, move.KeysConflicting, move.KeysRemaining));
        await AssertStillOpenAsync(scene, onSource: 25, onTarget: 25);
        Assert.Equal(25, (await MoveAsync(scene)).KeysMoved);
        await AssertStillOpenAsync(scene, onSource: 0, onTarget: 50);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Named_keys_move_and_missing_ones_are_counted(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 20, moved: 5);

        // Key 19 has moved already, and the last name was never written.
        var move = await MoveAsync(scene, keys: [scene.KeyName(0), scene.KeyName(7), scene.KeyName(19), scene.KeyName(1) + "never"]);

        Assert.Equal((2L, 2L, 13L), (move.KeysMoved, move.KeysMissing, move.KeysRemaining));
        await AssertStillOpenAsync(scene, onSource: 13, onTarget: 7);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_key_of_another_slot_is_refused_before_any_moves(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 5, moved: 2);
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(
            () => MoveAsync(scene, keys: [scene.KeyName(0), LabWedge.DefaultKey]));
        Assert.Equal((FailureCode.KeyNotInSlot, LabWedge.DefaultKey), (refusal.Code, refusal.Subject));
        Assert.Contains("slot " + LabWedge.DefaultSlot, refusal.Message);
        await AssertStillOpenAsync(scene, onSource: 3, onTarget: 2);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Keys_of_a_slot_that_is_open_on_one_end_only_are_not_moved(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(5);
        await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        var watch = await WriteWatch.StartAsync(scene.Cluster);
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => MoveAsync(scene));
        await watch.AssertNothingWrittenAsync();
        Assert.Equal(FailureCode.SlotNotOpen, refusal.Code);
        Assert.Contains("MigratingOnly", refusal.Message);
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_stopped_move_reports_the_remaining_keys(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 2_000, moved: 0);
        using var stop = new CancellationTokenSource();
        KeyMoveOutcome stopped;
        using (var core = scene.Core())
        {
            var options = new MoveOptions { MaxKeysPerSecond = 500 };
            var plan = await core.PlanKeyMoveAsync(scene.Slot, null, null, null, null, options, default);
            var moving = core.MoveKeysAsync(plan, stop.Token);
            await KillScene.UntilAsync(async () => await TestCluster.CountKeysAsync(scene.Target, scene.Slot) > 0);
            await stop.CancelAsync();
            stopped = await moving;
        }

        Assert.Equal(FailureCode.Stopped, stopped.Failure?.Code);
        var left = await TestCluster.CountKeysAsync(scene.Source, scene.Slot);
        Assert.InRange(left, 1, 1_999);
        Assert.Contains(left + " keys left", stopped.Failure!.Message);
        Assert.Equal((2_000 - left, left), (stopped.Result.KeysMoved, stopped.Result.KeysRemaining));
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    private static async Task<RedisKeyMove> MoveAsync(SlotScene scene, int? first = null, string[]? keys = null)
    {
        using var core = scene.Core();
        var plan = await core.PlanKeyMoveAsync(scene.Slot, null, null, first, keys, new MoveOptions(), default);
        var outcome = await core.MoveKeysAsync(plan, default);
        Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
        return outcome.Result;
    }

    private static async Task AssertStillOpenAsync(SlotScene scene, long onSource, long onTarget)
    {
        await scene.AssertOpenAsync(onSource == 0 ? RedisOpenSlotState.Drained : RedisOpenSlotState.Migrating, onSource, onTarget);
        await scene.AssertKeysAsync();
    }
}
