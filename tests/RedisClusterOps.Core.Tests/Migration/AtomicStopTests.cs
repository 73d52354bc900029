using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>A stop in each state of a task.</summary>
public class AtomicStopTests
{
    private static readonly RespValue Nothing = RespValue.Array([]);

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
            return cancelled ? stage.Done() : RespValue.Array([stage.Entry("task1", "takeover")]);
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
            return stage.Done();
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
}
