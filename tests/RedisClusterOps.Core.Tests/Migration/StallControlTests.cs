using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Migration.Keys;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>The arithmetic of the pace, against a node whose clients wait a multiple of each batch.</summary>
public class StallControlTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(10);

    private readonly SimulatedClock _clock = new();

    [Fact]
    public void A_node_without_other_load_gets_longer_batches_and_no_rest()
    {
        var control = new StallControl(Limit);
        var first = control.Batch;

        Assert.Empty(WaitsOver(control, batch => batch));

        Assert.InRange(control.Batch, first, Limit / 2);
        Assert.False(control.IsSlowed);
        Assert.Equal(TimeSpan.Zero, control.RestAfter(first));
    }

    [Fact]
    public void It_converges_to_waits_between_half_of_the_limit_and_the_limit()
    {
        foreach (var factor in new[] { 1, 2, 5, 9 })
        {
            var control = new StallControl(TimeSpan.FromMilliseconds(2));

            var over = WaitsOver(control, batch => factor * batch);

            Assert.InRange(over.Count, 0, 1);
            Assert.InRange((factor * control.Batch).TotalMilliseconds, 0.99, 2);
        }
    }

    [Fact]
    public void A_node_on_which_one_wait_in_fifty_is_long_for_other_reasons_keeps_most_of_its_speed()
    {
        var (control, number) = (new StallControl(Limit), 0);
        var first = control.Batch;
        WaitsOver(control, batch => ++number % 50 == 0 ? TimeSpan.FromSeconds(1) : batch);
        Assert.InRange(control.Batch, first / 2, Limit);
    }

    [Fact]
    public void One_wait_above_the_limit_halves_the_batch()
    {
        var control = new StallControl(Limit);
        var before = control.Batch;

        Assert.True(control.Observe(Limit + TimeSpan.FromTicks(1)));

        Assert.Equal(before / 2, control.Batch);
        Assert.True(control.IsSlowed);
    }

    [Fact]
    public void A_wait_of_the_limit_is_allowed()
    {
        var control = new StallControl(Limit);
        Assert.False(control.Observe(Limit));
        Assert.False(control.IsSlowed);
    }

    [Fact]
    public void It_recovers_completely_once_the_node_is_idle_again()
    {
        var control = new StallControl(Limit);
        var first = control.Batch;
        WaitsOver(control, _ => TimeSpan.FromSeconds(1));
        Assert.Equal(StallControl.Shortest, control.Batch);

        WaitsOver(control, _ => TimeSpan.Zero);

        Assert.InRange(control.Batch, first, Limit);
        Assert.False(control.IsSlowed);
    }

    [Fact]
    public void A_node_that_is_always_slow_still_works_for_half_of_the_time()
    {
        var control = new StallControl(Limit);

        WaitsOver(control, _ => TimeSpan.FromDays(1));

        Assert.Equal(StallControl.Shortest, control.Batch);
        Assert.Equal(control.Batch, control.RestAfter(control.Batch));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10_000)]
    [InlineData(long.MaxValue)]
    public void Batches_and_rests_are_bounded_for_every_limit_and_every_wait(long limit)
    {
        var control = new StallControl(TimeSpan.FromTicks(limit));
        foreach (var wait in new[] { TimeSpan.Zero, TimeSpan.MinValue, TimeSpan.MaxValue, Limit, -Limit })
        {
            for (var i = 0; i < 100; i++)
                control.Observe(wait);
            Assert.InRange(control.Batch, StallControl.Shortest, TimeSpan.FromMilliseconds(10));
            Assert.InRange(control.RestAfter(Limit), TimeSpan.Zero, Limit);
            Assert.Equal(TimeSpan.Zero, control.RestAfter(TimeSpan.Zero));
            Assert.Equal(TimeSpan.Zero, control.RestAfter(-Limit));
        }
    }

    [Fact]
    public void A_lower_limit_means_shorter_batches()
    {
        var batches = new[] { 1, 2, 5, 10 }.Select(limit => new StallControl(TimeSpan.FromMilliseconds(limit)).Batch).ToList();
        Assert.Equal(batches.Order(), batches);
        Assert.True(batches[0] < batches[^1]);
    }

    // A probe every five milliseconds, or after each batch if that is longer.
    private List<TimeSpan> WaitsOver(StallControl control, Func<TimeSpan, TimeSpan> waitOf)
    {
        var over = new List<TimeSpan>();
        for (var i = 0; i < 1_000; i++)
        {
            _clock.Pass(TimeSpan.FromMilliseconds(5) + control.RestAfter(control.Batch));
            if (control.Observe(waitOf(control.Batch)))
                over.Add(_clock.Now);
        }

        return over;
    }
}
