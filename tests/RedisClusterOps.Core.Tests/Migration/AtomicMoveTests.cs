using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>What no real server does on demand: failures without end, lists that are lost, and words that nobody knows.</summary>
public class AtomicMoveTests
{
    private static readonly RespValue Nothing = RespValue.Array([]);

    [Fact]
    public async Task Redis_that_fails_again_and_again_is_cancelled_and_its_own_words_are_told()
    {
        var stage = new AtomicStage(valkey: false);
        var cancelled = false;
        stage.Cancelled = () => cancelled = true;
        stage.HostLists = n => stage.Orders == 0 ? Nothing
            : cancelled ? RespValue.Array([stage.Entry("task1", "canceled", "by request")])
            : stage.Failing("task1", n / 20, "no \x1b[31mlink");
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal((1, 1), (stage.Orders, stage.Cancels));
        Assert.Contains("10.0.0.2:6379 failed 5 times, and says: no \\x1b[31mlink", failure.Message);
        Assert.Contains("Moving 10 slots (0-9) from 10.0.0.1:6379 to 10.0.0.2:6379 by the servers failed", failure.Message);
        Assert.Contains("Nothing was given away", failure.Message);
        Assert.Contains("-Method KeyByKey", failure.NextStep());
        Assert.True(stage.Passed < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Redis_that_finds_a_slot_open_is_cancelled_at_once()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Cancels > 0 ? Nothing : stage.Orders == 0 ? Nothing : stage.Failing("task1", 0, "-ERR all slot states must be STABLE to start a slot migration task.");
        await stage.FailsAsync(FailureCode.SlotStateUnsuitable);
        Assert.Equal(1, stage.Cancels);
    }

    // The source may be busy with another target: no failure of this move.
    [Fact]
    public async Task Redis_whose_source_is_busy_is_waited_for_longer()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            if (n < 400)
                return stage.Failing("task1", n / 10, "-ERR Another ASM task is already in progress");
            return Done(stage);
        };
        Assert.Equal(1, (await stage.MoveAsync()).Attempts);
        Assert.Equal((1, 0), (stage.Orders, stage.Cancels));
    }

    [Fact]
    public async Task Valkey_that_fails_is_told_three_times_and_each_task_is_known_by_its_new_name()
    {
        var stage = new AtomicStage(valkey: true) { Begins = _ => RespValue.Simple("OK") };
        // The same slots the same way, long ago: no name of ours.
        stage.HostLists = n => RespValue.Array(stage.Orders switch
        {
            0 => [stage.Entry("old", "success")],
            1 => [stage.Entry("a", n < 3 ? "snapshotting" : "failed", "Protocol error: invalid CRLF in request"), stage.Entry("old", "success")],
            _ => [stage.Entry("b" + stage.Orders, "failed", "Protocol error"), stage.Entry("a", "failed"), stage.Entry("old", "success")],
        });
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal((3, 0), (stage.Orders, stage.Cancels));
        Assert.Contains("10.0.0.1:6379 says that it failed: Protocol error", failure.Message);
        Assert.Contains("-Method KeyByKey", failure.NextStep());
    }

    [Theory]
    [InlineData("Received error during handshake to target: -NOAUTH Authentication required.\r\n", FailureCode.AuthenticationFailed)]
    [InlineData("Received error during handshake to target: -NOPERM no permissions", FailureCode.PermissionDenied)]
    [InlineData("Received error during handshake to target: -ERR Slots are being manually imported\r\n", FailureCode.SlotStateUnsuitable)]
    public async Task Valkey_is_not_told_again_where_that_cannot_help(string message, FailureCode code)
    {
        var stage = new AtomicStage(valkey: true) { Begins = _ => RespValue.Simple("OK") };
        stage.HostLists = _ => RespValue.Array(stage.Orders == 0 ? [] : [stage.Entry("a", "failed", message)]);
        await stage.FailsAsync(code);
        Assert.Equal(1, stage.Orders);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_list_that_is_lost_leaves_the_decision_to_the_owners(bool valkey)
    {
        var stage = new AtomicStage(valkey);
        stage.HostLists = n =>
        {
            if (stage.Orders == 1 && n > 3)
                stage.Owner = AtomicStage.TargetId;
            return stage.Orders == 0 || n > 3 ? Nothing : RespValue.Array([stage.Entry("task1", "snapshotting")]);
        };
        Assert.Equal(1, (await stage.MoveAsync()).Attempts);
        Assert.Equal(1, stage.Orders);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lists_that_are_lost_each_time_end_it_at_the_third(bool valkey)
    {
        var stage = new AtomicStage(valkey);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal(3, stage.Orders);
        Assert.Contains("lists it no more", failure.Message);
    }

    [Theory]
    [InlineData(false, true, 1)]
    [InlineData(false, false, 2)]
    [InlineData(true, true, 1)]
    [InlineData(true, false, 2)]
    public async Task An_order_whose_answer_never_came_is_looked_for_before_it_is_given_again(bool valkey, bool arrived, int orders)
    {
        var stage = new AtomicStage(valkey);
        stage.Begins = n => n == 1
            ? throw new RedisConnectionException(FailureCode.ConnectionFailed, new NodeEndpoint("10.0.0.1", 6379), "the connection broke.", outcomeUnknown: true)
            : RespValue.Bulk("task" + n);
        stage.HostLists = n =>
        {
            var id = "task" + stage.Orders;
            if (stage.Orders == 0 || (stage.Orders == 1 && !arrived))
                return Nothing;
            if (n < 3)
                return RespValue.Array([stage.Entry(id, "snapshotting")]);
            stage.Owner = AtomicStage.TargetId;
            return RespValue.Array([stage.Entry(id, valkey ? "success" : "completed")]);
        };
        Assert.Equal((false, 2), (await stage.MoveAsync()) is var outcome ? (outcome.Adopted, outcome.Attempts) : default);
        Assert.Equal(orders, stage.Orders);
    }

    [Theory]
    [InlineData(false, "canceled")]
    [InlineData(true, "cancelled")]
    public async Task What_somebody_cancels_is_not_begun_again(bool valkey, string state)
    {
        var stage = new AtomicStage(valkey);
        stage.HostLists = _ => stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", state)]);
        await stage.FailsAsync(FailureCode.AnotherToolAtWork);
        Assert.Equal(1, stage.Orders);
    }

    [Fact]
    public async Task Another_task_is_waited_for_and_then_it_is_our_turn()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders == 0 ? n < 30 ? RespValue.Array([stage.Entry("other", "accumulate-buffer", slots: "500-600")]) : Nothing : Done(stage);
        Assert.False((await stage.MoveAsync()).Adopted);
        Assert.Contains("waits for its turn: 101 slots (500-600) are on the way there (accumulate-buffer)", stage.Told);
        Assert.Equal(0, stage.Cancels);
    }

    [Theory]
    [InlineData("ERR another ASM task is already in progress")]
    [InlineData("ERR overlapping import exists for slot range: 0-9")]
    public async Task A_turn_that_never_comes_is_given_up_and_nothing_is_cancelled(string refusal)
    {
        var stage = new AtomicStage(valkey: false) { Begins = _ => RespValue.Error(refusal) };
        var failure = await stage.FailsAsync(FailureCode.AnotherToolAtWork);
        Assert.InRange(stage.Passed, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11));
        Assert.Contains(refusal, failure.Message);
        Assert.Equal(0, stage.Cancels);
    }

    [Theory]
    [InlineData("NOPERM this user has no permissions to run the 'cluster|migration' command", FailureCode.PermissionDenied, 1)]
    [InlineData("ERR all slot states must be STABLE to start a slot migration task.", FailureCode.SlotStateUnsuitable, 1)]
    [InlineData("ERR Slots are being manually migrated", FailureCode.SlotStateUnsuitable, 1)]
    [InlineData("ERR slot migration not allowed on replica.", FailureCode.StalePlan, 1)]
    [InlineData("ERR Slot migration can only be used on primary nodes.", FailureCode.StalePlan, 1)]
    [InlineData("ERR Unknown node name: f", FailureCode.ClusterViewConflict, 1)]
    [InlineData("ERR Slots are not served by this node.", FailureCode.SlotNotOwned, 3)]
    [InlineData("ERR slots belong to different source nodes", FailureCode.SlotNotOwned, 3)]
    [InlineData("ERR unknown subcommand 'MIGRATION'. Try CLUSTER HELP.", FailureCode.ServerError, 1)]
    [InlineData("something \u202e else", FailureCode.ServerError, 1)]
    public async Task A_refusal_has_a_name(string refusal, FailureCode code, int orders)
    {
        var stage = new AtomicStage(valkey: false) { Begins = _ => RespValue.Error(refusal) };
        var failure = await stage.FailsAsync(code);
        Assert.Equal(orders, stage.Orders);
        Assert.Contains("10.0.0.2:6379 refused it: ", failure.Message);
        Assert.DoesNotContain("\u202e", failure.Message, StringComparison.Ordinal);
        Assert.Equal("0-9", failure.Subject);
        Assert.False(string.IsNullOrEmpty(failure.NextStep()));
    }

    // A state of a server yet to come.
    [Fact]
    public async Task A_state_that_nobody_knows_goes_on_and_standing_still_in_it_does_not()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders == 0 ? Nothing : n < 50 ? RespValue.Array([stage.Entry("task1", "folding-space", "", null, true, RespValue.Bulk("warp"), RespValue.Array([Nothing]))]) : Done(stage);
        await stage.MoveAsync();
        Assert.Contains("folding-space", stage.Told);

        stage = new AtomicStage(valkey: false);
        var still = stage;
        stage.HostLists = n => still.Orders == 0 || still.Cancels > 0 ? Nothing : RespValue.Array([still.Entry("task1", "folding-space")]);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Contains("says 'folding-space', and nothing has changed for 300 s", failure.Message);
        Assert.Equal(1, stage.Cancels);
        Assert.InRange(stage.Passed, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task Keys_that_arrive_are_progress_however_long_it_takes()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            stage.Keyspace = "db0:keys=" + (n / 1000);
            return stage.Orders == 0 ? Nothing : n < 10_000 ? RespValue.Array([stage.Entry("task1", "accumulate-buffer")]) : Done(stage);
        };
        await stage.MoveAsync();
        Assert.True(stage.Passed > TimeSpan.FromMinutes(10));
    }

    public static TheoryData<string> Hostile => ["not a list", "no fields", "odd", "slots of nowhere", "another's id"];

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task A_list_that_makes_no_sense_is_never_taken_for_success(string kind)
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = _ => stage.Orders == 0 ? Nothing : kind switch
        {
            "not a list" => RespValue.Bulk("completed"),
            "no fields" => RespValue.Array([Nothing, RespValue.Null, RespValue.Number(5)]),
            "odd" => RespValue.Array([RespValue.Array([RespValue.Bulk("id"), RespValue.Bulk("task" + stage.Orders), RespValue.Bulk("state")])]),
            "slots of nowhere" => RespValue.Array([stage.Entry("task" + stage.Orders, "completed", slots: "20000-5 x -1")]),
            _ => RespValue.Array([stage.Entry("TASK", "completed")]),
        };
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => stage.MoveAsync());
        Assert.Contains("Nothing was given away", failure.Message);
    }

    // Redis' target tries again and gets the slots from the new master; what the old one lists is of the time before.
    [Fact]
    public async Task A_source_whose_replica_took_its_place_says_nothing_of_the_hand_over()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.Demoted = AtomicStage.SourceId;
            return Done(stage);
        };
        stage.PeerLists = n => stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to manual failover", host: false)]);
        Assert.Equal(1, (await stage.MoveAsync()).Attempts);

        // One that failed in the moment of the hand-over does, also where it became a replica because it gave all that it had.
        stage.PeerLists = n => RespValue.Array([stage.Entry("task2", "failed", "pause expired", host: false)]);
        stage.HostLists = n => stage.Orders == 1 ? Nothing : Done(stage, "task2");
        (stage.Owner, stage.Demoted) = (AtomicStage.SourceId, null);
        stage.Begins = n =>
        {
            stage.Demoted = AtomicStage.SourceId;
            return RespValue.Bulk("task" + n);
        };
        Assert.Contains("pause expired. Writes that arrived", (await stage.FailsAsync(FailureCode.ServerError)).Message);
    }

    [Fact]
    public async Task A_target_whose_replica_took_its_place_makes_a_stale_plan()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.Demoted = AtomicStage.TargetId;
            return RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to switching to replica (state: accumulate-buffer)")]);
        };
        var failure = await stage.FailsAsync(FailureCode.StalePlan);
        Assert.Contains("10.0.0.2:6379 is a replica now. Nothing was given away", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    // It may have thought better of it.
    [Fact]
    public async Task A_failover_that_came_to_nothing_is_followed_by_another_attempt()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders switch
        {
            0 => Nothing,
            1 => RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to manual failover (state: accumulate-buffer)")]),
            _ => Done(stage, "task2"),
        };
        Assert.Equal(2, (await stage.MoveAsync()).Attempts);
    }

    [Fact]
    public async Task One_end_that_says_completed_is_not_enough()
    {
        // The other end still hands over, and then says so.
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders == 0 ? Nothing : Done(stage);
        stage.PeerLists = n => stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", n < 5 ? "stream-eof" : "completed", host: false)]);
        await stage.MoveAsync();
        Assert.True(stage.Looks >= 5);

        // It failed: the slots are where they should be, but not all that was written may be.
        stage = new AtomicStage(valkey: false);
        var half = stage;
        stage.HostLists = n => half.Orders == 0 ? Nothing : Done(half);
        stage.PeerLists = n => half.Orders == 0 ? Nothing : RespValue.Array([half.Entry("task1", "failed", "pause expired", host: false)]);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Contains("the source reports 'failed': pause expired. Writes that arrived during the handover may be lost", failure.Message);
        Assert.Contains("All of them are 10.0.0.2:6379's now", failure.Message);
    }

    [Fact]
    public async Task Completed_without_both_naming_the_target_is_no_success()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.OwnerByTarget = AtomicStage.TargetId;
            return RespValue.Array([stage.Entry("task1", stage.IsValkey ? "success" : "completed")]);
        };
        var failure = await stage.FailsAsync(FailureCode.ClusterViewConflict);
        Assert.Contains("10.0.0.1:6379 reports 10.0.0.1:6379 as the owner of slot 0", failure.Message);
    }

    [Fact]
    public async Task A_trim_that_takes_very_long_is_a_note_and_no_failure()
    {
        var stage = new AtomicStage(valkey: false) { ClusterInfo = "cluster_state:ok\r\ncluster_slot_migration_active_trim_running:1\r\n" };
        stage.HostLists = n => stage.Orders == 0 ? Nothing : Done(stage);
        Assert.Contains("is still deleting the keys that it handed over", (await stage.MoveAsync()).Note);
        Assert.True(stage.Passed > TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task An_open_slot_is_refused_before_anything_is_sent()
    {
        var stage = new AtomicStage(valkey: true) { OpenOnTarget = " [4000-<-" + AtomicStage.SourceId + "]" };
        var failure = await stage.FailsAsync(FailureCode.SlotStateUnsuitable);
        Assert.Equal("Complete-RedisSlotMigration -Slot 4000", failure.NextStep());
        Assert.Equal(0, stage.Orders);
    }

    [Fact]
    public async Task A_stop_that_comes_too_late_is_told_as_the_success_it_is()
    {
        var stage = new AtomicStage(valkey: false);
        using var stop = new CancellationTokenSource();
        var cancelled = false;
        stage.Cancelled = () => cancelled = true;
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            if (n == 5)
                stop.Cancel();
            return cancelled ? Done(stage) : RespValue.Array([stage.Entry("task1", "takeover")]);
        };
        Assert.Equal(1, (await stage.MoveAsync(stop: stop.Token)).Attempts);
        Assert.Equal(1, stage.Cancels);
    }

    [Fact]
    public async Task A_cancellation_that_takes_no_effect_is_told()
    {
        var stage = new AtomicStage(valkey: false);
        using var stop = new CancellationTokenSource();
        stage.HostLists = n =>
        {
            if (n == 5)
                stop.Cancel();
            return stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "accumulate-buffer")]);
        };
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stage.MoveAsync(new AtomicLimits { Cancel = TimeSpan.FromMilliseconds(300) }, stop.Token));
        Assert.Contains("The servers go on to move 10 slots (0-9)", left.Message);
        Assert.Equal(1, stage.Cancels);
    }

    // Valkey's source would let its clients write again, and the target take the slots without these writes.
    [Fact]
    public async Task Slots_that_change_hands_as_a_stop_comes_are_waited_for()
    {
        var stage = new AtomicStage(valkey: true) { TooLate = 3 };
        using var stop = new CancellationTokenSource();
        stage.HostLists = n =>
        {
            if (n == 5)
                stop.Cancel();
            if (stage.Orders == 0 || stage.TooLate > 0)
                return stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "failover-granted")]);
            return Done(stage);
        };
        Assert.Equal(1, (await stage.MoveAsync(stop: stop.Token)).Attempts);
        Assert.Equal((0, 0), (stage.Cancels, stage.TooLate));
    }

    [Fact]
    public async Task Slots_that_go_on_changing_hands_after_a_stop_are_told_of()
    {
        var stage = new AtomicStage(valkey: true) { TooLate = int.MaxValue };
        using var stop = new CancellationTokenSource();
        stage.HostLists = n =>
        {
            if (n == 5)
                stop.Cancel();
            return stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "failover-granted")]);
        };
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stage.MoveAsync(new AtomicLimits { Cancel = TimeSpan.FromMilliseconds(300) }, stop.Token));
        Assert.Contains("they were changing hands", left.Message);
        Assert.Equal(0, stage.Cancels);
    }

    // The bare command, which this user may give, could come in the wrong moment.
    [Fact]
    public async Task What_cannot_be_cancelled_safely_goes_on_and_is_told_of()
    {
        var stage = new AtomicStage(valkey: true) { RefusesToCancel = "NOPERM User ops has no permissions to run the 'eval_ro' command" };
        using var stop = new CancellationTokenSource();
        stage.HostLists = n =>
        {
            if (n == 5)
                stop.Cancel();
            return stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "snapshotting")]);
        };
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stage.MoveAsync(stop: stop.Token));
        Assert.Contains("The servers go on to move 10 slots (0-9)", left.Message);
        Assert.Contains("did not cancel it: NOPERM User ops has no permissions to run the 'eval_ro' command", left.Message);
        Assert.Equal(0, stage.Cancels);
    }

    private static RespValue Done(AtomicStage stage, string id = "task1")
    {
        stage.Owner = AtomicStage.TargetId;
        return RespValue.Array([stage.Entry(id, stage.IsValkey ? "success" : "completed")]);
    }
}
