using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>Behaviour that no real server shows on demand: endless failures, lost lists and unknown states.</summary>
public class AtomicMoveTests
{
    private static readonly RespValue Nothing = RespValue.Array([]);

    [Fact]
    public async Task A_redis_task_that_keeps_failing_is_cancelled_and_its_message_is_reported()
    {
        var stage = new AtomicStage(valkey: false);
        var cancelled = false;
        stage.Cancelled = () => cancelled = true;
        stage.HostLists = n => stage.Orders == 0 ? Nothing
            : cancelled ? RespValue.Array([stage.Entry("task1", "canceled", "by request")])
            : stage.Failing("task1", n / 20, "no \x1b[31mlink");
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal((1, 1), (stage.Orders, stage.Cancels));
        Assert.Contains("10.0.0.2:6379 failed 5 times and reports: no \\x1b[31mlink", failure.Message);
        Assert.Contains("Moving 10 slots (0-9) from 10.0.0.1:6379 to 10.0.0.2:6379 by the servers failed", failure.Message);
        Assert.Contains("No slot was transferred", failure.Message);
        Assert.Contains("-Method KeyByKey", failure.NextStep());
        Assert.True(stage.Passed < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_redis_task_that_finds_a_slot_open_is_cancelled_at_once()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Cancels > 0 || stage.Orders == 0
            ? Nothing
            : stage.Failing("task1", 0, "-ERR all slot states must be STABLE to start a slot migration task.");
        await stage.FailsAsync(FailureCode.SlotStateUnsuitable);
        Assert.Equal(1, stage.Cancels);
    }

    // The source may be busy with another target, which is no failure of this migration.
    [Fact]
    public async Task A_busy_redis_source_is_waited_for_longer()
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
    public async Task A_failing_valkey_task_is_started_three_times_and_each_has_a_new_id()
    {
        var stage = new AtomicStage(valkey: true) { Begins = _ => RespValue.Simple("OK") };
        // An earlier task for the same slots, which does not belong to this run.
        stage.HostLists = n => RespValue.Array(stage.Orders switch
        {
            0 => [stage.Entry("old", "success")],
            1 =>
            [
                stage.Entry("a", n < 3 ? "snapshotting" : "failed", "Protocol error: invalid CRLF in request"),
                stage.Entry("old", "success"),
            ],
            _ => [stage.Entry("b" + stage.Orders, "failed", "Protocol error"), stage.Entry("a", "failed"), stage.Entry("old", "success")],
        });
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal((3, 0), (stage.Orders, stage.Cancels));
        Assert.Contains("10.0.0.1:6379 reports that the task failed: Protocol error", failure.Message);
        Assert.Contains("-Method KeyByKey", failure.NextStep());
    }

    [Theory]
    [InlineData("Received error during handshake to target: -NOAUTH Authentication required.\r\n", FailureCode.AuthenticationFailed)]
    [InlineData("Received error during handshake to target: -NOPERM no permissions", FailureCode.PermissionDenied)]
    [InlineData("Received error during handshake to target: -ERR Slots are being manually imported\r\n", FailureCode.SlotStateUnsuitable)]
    public async Task A_valkey_task_is_not_started_again_if_that_cannot_help(string message, FailureCode code)
    {
        var stage = new AtomicStage(valkey: true) { Begins = _ => RespValue.Simple("OK") };
        stage.HostLists = _ => RespValue.Array(stage.Orders == 0 ? [] : [stage.Entry("a", "failed", message)]);
        await stage.FailsAsync(code);
        Assert.Equal(1, stage.Orders);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task If_the_list_is_lost_the_owners_decide(bool valkey)
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
    public async Task Lists_that_are_lost_each_time_end_the_move_at_the_third(bool valkey)
    {
        var stage = new AtomicStage(valkey);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Equal(3, stage.Orders);
        Assert.Contains("no longer lists the task", failure.Message);
    }

    [Theory]
    [InlineData(false, true, 1)]
    [InlineData(false, false, 2)]
    [InlineData(true, true, 1)]
    [InlineData(true, false, 2)]
    public async Task A_task_whose_reply_was_lost_is_searched_for_before_another_is_started(bool valkey, bool arrived, int orders)
    {
        var stage = new AtomicStage(valkey);
        stage.Begins = n => n == 1
            ? throw new RedisConnectionException(
                FailureCode.ConnectionFailed, new NodeEndpoint("10.0.0.1", 6379), "the connection broke.", outcomeUnknown: true)
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
    public async Task A_task_that_another_tool_cancels_is_not_started_again(bool valkey, string state)
    {
        var stage = new AtomicStage(valkey);
        stage.HostLists = _ => stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", state)]);
        await stage.FailsAsync(FailureCode.AnotherToolAtWork);
        Assert.Equal(1, stage.Orders);
    }

    [Fact]
    public async Task Another_task_is_waited_for_before_the_start()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders > 0 ? Done(stage)
            : n < 30 ? RespValue.Array([stage.Entry("other", "accumulate-buffer", slots: "500-600")])
            : Nothing;
        Assert.False((await stage.MoveAsync()).Adopted);
        Assert.Contains("waits for another migration: 101 slots (500-600) are being migrated (accumulate-buffer)", stage.Reports);
        Assert.Equal(0, stage.Cancels);
    }

    [Theory]
    [InlineData("ERR another ASM task is already in progress")]
    [InlineData("ERR overlapping import exists for slot range: 0-9")]
    public async Task The_wait_for_another_task_times_out_and_cancels_nothing(string refusal)
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
    public async Task A_rejected_command_has_a_failure_code(string refusal, FailureCode code, int orders)
    {
        var stage = new AtomicStage(valkey: false) { Begins = _ => RespValue.Error(refusal) };
        var failure = await stage.FailsAsync(code);
        Assert.Equal(orders, stage.Orders);
        Assert.Contains("10.0.0.2:6379 rejected the command: ", failure.Message);
        Assert.DoesNotContain("\u202e", failure.Message, StringComparison.Ordinal);
        Assert.Equal("0-9", failure.Subject);
        Assert.False(string.IsNullOrEmpty(failure.NextStep()));
    }

    // A state of a future server version.
    [Fact]
    public async Task An_unknown_state_may_last_but_not_without_progress()
    {
        var stage = new AtomicStage(valkey: false);
        RespValue[] unknown = [RespValue.Bulk("warp"), RespValue.Array([Nothing])];
        stage.HostLists = n => stage.Orders == 0 ? Nothing
            : n < 50 ? RespValue.Array([stage.Entry("task1", "folding-space", "", null, true, unknown)])
            : Done(stage);
        await stage.MoveAsync();
        Assert.Contains("folding-space", stage.Reports);

        stage = new AtomicStage(valkey: false);
        var still = stage;
        stage.HostLists = n => still.Orders == 0 || still.Cancels > 0 ? Nothing : RespValue.Array([still.Entry("task1", "folding-space")]);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Contains("reports 'folding-space' without progress for 300 s", failure.Message);
        Assert.Equal(1, stage.Cancels);
        Assert.InRange(stage.Passed, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task Arriving_keys_are_progress_regardless_of_the_duration()
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
    public async Task An_invalid_list_is_never_a_success(string kind)
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = _ => stage.Orders == 0 ? Nothing : kind switch
        {
            "not a list" => RespValue.Bulk("completed"),
            "no fields" => RespValue.Array([Nothing, RespValue.Null, RespValue.Number(5)]),
            "odd" =>
                RespValue.Array([RespValue.Array([RespValue.Bulk("id"), RespValue.Bulk("task" + stage.Orders), RespValue.Bulk("state")])]),
            "slots of nowhere" => RespValue.Array([stage.Entry("task" + stage.Orders, "completed", slots: "20000-5 x -1")]),
            _ => RespValue.Array([stage.Entry("TASK", "completed")]),
        };
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => stage.MoveAsync());
        Assert.Contains("No slot was transferred", failure.Message);
    }

    // The Redis target retries and gets the slots from the new master. The list of the old master is outdated.
    [Fact]
    public async Task The_list_of_a_demoted_source_does_not_decide()
    {
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n =>
        {
            if (stage.Orders == 0)
                return Nothing;
            stage.Demoted = AtomicStage.SourceId;
            return Done(stage);
        };
        stage.PeerLists = n => stage.Orders == 0
            ? Nothing
            : RespValue.Array([stage.Entry("task1", "canceled", "Cancelled due to manual failover", host: false)]);
        Assert.Equal(1, (await stage.MoveAsync()).Attempts);

        // A failure during the handover does, also if the source became a replica because it has no slots left.
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
    public async Task A_demoted_target_makes_the_plan_stale()
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
        Assert.Contains("10.0.0.2:6379 is a replica now. No slot was transferred", failure.Message);
        Assert.Equal("Get-RedisClusterNode", failure.NextStep());
    }

    // The node may still be the master.
    [Fact]
    public async Task After_an_abandoned_failover_the_move_is_retried()
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
    public async Task Completed_on_one_end_is_not_enough()
    {
        // The other end completes the handover later.
        var stage = new AtomicStage(valkey: false);
        stage.HostLists = n => stage.Orders == 0 ? Nothing : Done(stage);
        stage.PeerLists = n =>
            stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", n < 5 ? "stream-eof" : "completed", host: false)]);
        await stage.MoveAsync();
        Assert.True(stage.Reads >= 5);

        // It failed: the target owns the slots, but some writes may be missing.
        stage = new AtomicStage(valkey: false);
        var half = stage;
        stage.HostLists = n => half.Orders == 0 ? Nothing : Done(half);
        stage.PeerLists = n => half.Orders == 0 ? Nothing : RespValue.Array([half.Entry("task1", "failed", "pause expired", host: false)]);
        var failure = await stage.FailsAsync(FailureCode.ServerError);
        Assert.Contains("the source reports 'failed': pause expired. Writes that arrived during the handover may be lost", failure.Message);
        Assert.Contains("10.0.0.2:6379 owns all of them now", failure.Message);
    }

    [Fact]
    public async Task Completed_is_no_success_unless_both_ends_report_the_target_as_the_owner()
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
    public async Task A_long_deletion_on_the_source_is_a_note_and_no_failure()
    {
        var stage = new AtomicStage(valkey: false) { ClusterInfo = "cluster_state:ok\r\ncluster_slot_migration_active_trim_running:1\r\n" };
        stage.HostLists = n => stage.Orders == 0 ? Nothing : Done(stage);
        Assert.Contains("is still deleting the keys that it handed over", (await stage.MoveAsync()).Note);
        Assert.True(stage.Passed > TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task An_open_slot_is_refused_before_any_command()
    {
        var stage = new AtomicStage(valkey: true) { OpenOnTarget = " [4000-<-" + AtomicStage.SourceId + "]" };
        var failure = await stage.FailsAsync(FailureCode.SlotStateUnsuitable);
        Assert.Equal("Complete-RedisSlotMigration -Slot 4000", failure.NextStep());
        Assert.Equal(0, stage.Orders);
    }

    [Fact]
    public async Task A_stop_that_is_too_late_is_a_success()
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
    public async Task A_cancellation_without_effect_is_reported()
    {
        var stage = new AtomicStage(valkey: false);
        using var stop = new CancellationTokenSource();
        stage.HostLists = n =>
        {
            if (n == 5)
                stop.Cancel();
            return stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "accumulate-buffer")]);
        };
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => stage.MoveAsync(new AtomicLimits { Cancel = TimeSpan.FromMilliseconds(300) }, stop.Token));
        Assert.Contains("The servers are still moving 10 slots (0-9)", left.Message);
        Assert.Equal(1, stage.Cancels);
    }

    // After a cancellation the Valkey source would accept writes, and the target would take over the slots without them.
    [Fact]
    public async Task A_stop_during_the_handover_waits_for_its_end()
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
    public async Task A_handover_that_does_not_end_after_a_stop_is_reported()
    {
        var stage = new AtomicStage(valkey: true) { TooLate = int.MaxValue };
        using var stop = new CancellationTokenSource();
        stage.HostLists = n =>
        {
            if (n == 5)
                stop.Cancel();
            return stage.Orders == 0 ? Nothing : RespValue.Array([stage.Entry("task1", "failover-granted")]);
        };
        var left = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => stage.MoveAsync(new AtomicLimits { Cancel = TimeSpan.FromMilliseconds(300) }, stop.Token));
        Assert.Contains("the slots were being handed over", left.Message);
        Assert.Equal(0, stage.Cancels);
    }

    // The user may run the plain command, but it could run at the wrong moment.
    [Fact]
    public async Task A_task_that_cannot_be_cancelled_safely_continues_and_is_reported()
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
        Assert.Contains("The servers are still moving 10 slots (0-9)", left.Message);
        Assert.Contains("rejected the cancellation: NOPERM User ops has no permissions to run the 'eval_ro' command", left.Message);
        Assert.Equal(0, stage.Cancels);
    }

    private static RespValue Done(AtomicStage stage, string id = "task1")
    {
        stage.Owner = AtomicStage.TargetId;
        return RespValue.Array([stage.Entry(id, stage.IsValkey ? "success" : "completed")]);
    }
}
