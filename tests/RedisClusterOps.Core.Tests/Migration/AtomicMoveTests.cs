using System;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>Behaviour that no real server shows on demand: endless failures, long waits and unknown states.</summary>
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
            return stage.Done();
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
        stage.HostLists = n => stage.Orders > 0 ? stage.Done()
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
            : stage.Done();
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
            return stage.Orders == 0 ? Nothing : n < 10_000 ? RespValue.Array([stage.Entry("task1", "accumulate-buffer")]) : stage.Done();
        };
        await stage.MoveAsync();
        Assert.True(stage.Passed > TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task A_long_deletion_on_the_source_is_a_note_and_no_failure()
    {
        var stage = new AtomicStage(valkey: false) { ClusterInfo = "cluster_state:ok\r\ncluster_slot_migration_active_trim_running:1\r\n" };
        stage.HostLists = n => stage.Orders == 0 ? Nothing : stage.Done();
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
}
