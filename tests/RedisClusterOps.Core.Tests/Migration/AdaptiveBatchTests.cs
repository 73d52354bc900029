using System;
using RedisClusterOps.Migration.Keys;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

public class AdaptiveBatchTests
{
    private static readonly TimeSpan Aim = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void Grows_to_what_fits_into_the_aim_but_no_more_than_eightfold_at_once()
    {
        var batch = new AdaptiveBatch();
        batch.Adapt(16, TimeSpan.FromTicks(16), Aim, Limit);
        Assert.Equal(128, batch.Size);
        batch.Adapt(128, TimeSpan.FromMilliseconds(1.28), Aim, Limit);
        Assert.Equal(500, batch.Size);
    }

    [Fact]
    public void One_batch_that_was_delayed_does_not_make_the_next_ones_smaller()
    {
        var batch = Settled();
        batch.Adapt(500, TimeSpan.FromMilliseconds(400), Aim, Limit);
        Assert.Equal(500, batch.Size);
        batch.Adapt(500, TimeSpan.FromMilliseconds(5), Aim, Limit);
        Assert.Equal(500, batch.Size);
    }

    [Fact]
    public void Shrinks_in_proportion_when_four_batches_took_too_long()
    {
        var batch = Settled();
        for (var i = 0; i < 4; i++)
            batch.Adapt(500, TimeSpan.FromMilliseconds(10), Aim, Limit);
        Assert.Equal(250, batch.Size);
    }

    [Fact]
    public void Does_not_grow_on_a_batch_that_was_not_full()
    {
        var batch = new AdaptiveBatch();
        batch.Adapt(1, TimeSpan.Zero, Aim, Limit);
        Assert.Equal(16, batch.Size);
    }

    [Fact]
    public void Does_not_shrink_below_a_few_for_the_sake_of_the_aim_because_their_time_is_mostly_fixed_costs()
    {
        var batch = new AdaptiveBatch();
        for (var i = 0; i < 9; i++)
            batch.Adapt(batch.Size, Limit / 2, Aim, Limit);
        Assert.Equal(16, batch.Size);
    }

    [Fact]
    public void Shrinks_at_once_to_one_large_value_that_takes_far_longer_than_the_limit_and_recovers_afterwards()
    {
        var batch = Settled();
        batch.Adapt(500, TimeSpan.FromMinutes(10), Aim, Limit);
        Assert.Equal(1, batch.Size);
        for (var i = 0; i < 9; i++)
            batch.Adapt(batch.Size, Limit / 2, Aim, Limit);
        Assert.Equal(16, batch.Size);
    }

    [Fact]
    public void Grows_no_further_than_the_upper_limit()
    {
        var batch = new AdaptiveBatch(most: 100);
        for (var i = 0; i < 9; i++)
            batch.Adapt(batch.Size, TimeSpan.Zero, Aim, Limit);
        Assert.Equal(100, batch.Size);
        Assert.Equal(3, new AdaptiveBatch(most: 3).Size);
    }

    // Ten microseconds for each key.
    private static AdaptiveBatch Settled()
    {
        var batch = new AdaptiveBatch();
        for (var i = 0; i < 9; i++)
            batch.Adapt(batch.Size, TimeSpan.FromTicks(100 * batch.Size), Aim, Limit);
        Assert.Equal(500, batch.Size);
        return batch;
    }

    [Fact]
    public void Keeps_a_fixed_size()
    {
        var batch = new AdaptiveBatch(50);
        batch.Adapt(50, TimeSpan.FromSeconds(5), Aim, Limit);
        Assert.Equal(50, batch.Size);
    }

    [Fact]
    public void Halves_after_a_broken_transfer_also_a_fixed_size_and_never_below_one()
    {
        var batch = new AdaptiveBatch(3);
        batch.Shrink(3);
        Assert.Equal(1, batch.Size);
        batch.Shrink(1);
        Assert.Equal(1, batch.Size);
    }

    [Theory]
    [InlineData(0, 10_000)]
    [InlineData(50, 5)]
    [InlineData(3, 1)]
    [InlineData(10_000_000, 10_000)]
    public void A_limited_rate_limits_the_batch(int perSecond, int most) =>
        Assert.Equal(most, AdaptiveBatch.LimitOf(new MoveOptions { MaxKeysPerSecond = perSecond }));
}
