using System;
using System.Linq;
using RedisClusterOps.Migration.Keys;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>The arithmetic of the pace: the waits of clients decide how long a node rests between batches.</summary>
public class StallControlTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan TooLong = Limit + TimeSpan.FromTicks(1);

    [Fact]
    public void A_node_without_long_waits_does_not_rest()
    {
        var control = new StallControl(Limit);
        Assert.False(control.Observe(Limit));
        Assert.Equal(0, control.Rest);
    }

    [Fact]
    public void Each_wait_above_the_limit_doubles_the_rest_up_to_the_time_of_the_batch()
    {
        var control = new StallControl(Limit);
        foreach (var rest in new[] { 0.25, 0.5, 1, 1 })
        {
            Assert.True(control.Observe(TooLong));
            Assert.Equal(rest, control.Rest);
        }
    }

    [Fact]
    public void It_recovers_completely_once_the_node_is_fast_again()
    {
        var control = new StallControl(Limit);
        for (var i = 0; i < 10; i++)
            control.Observe(TooLong);
        for (var i = 0; i < 60; i++)
            control.Observe(TimeSpan.Zero);
        Assert.Equal(0, control.Rest);
    }

    [Fact]
    public void A_node_on_which_one_wait_in_fifty_is_long_for_other_reasons_keeps_most_of_its_speed()
    {
        var control = new StallControl(Limit);
        var sum = 0.0;
        for (var i = 0; i < 1_000; i++)
        {
            control.Observe(i % 50 == 0 ? TooLong : TimeSpan.Zero);
            sum += control.Rest;
        }

        Assert.InRange(sum / 1_000, 0.01, 0.1);
    }

    [Fact]
    public void A_batch_takes_an_eighth_of_the_limit_within_bounds()
    {
        var batches = new[] { 1, 2, 4, 8, 20 }.Select(limit => new StallControl(TimeSpan.FromMilliseconds(limit)).Batch.TotalMilliseconds);
        Assert.Equal([0.5, 0.5, 0.5, 1, 1.25], batches);
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
            Assert.InRange(control.Batch.TotalMilliseconds, 0.5, 1.25);
            Assert.InRange(control.Rest, 0, 1);
        }
    }
}
