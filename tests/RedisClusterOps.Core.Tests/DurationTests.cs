using System;
using System.Globalization;
using Xunit;

namespace RedisClusterOps.Core.Tests;

/// <summary>A length of time needs a unit: a bare number could mean seconds or milliseconds.</summary>
public class DurationTests
{
    [Theory]
    [InlineData("10ms", 10)]
    [InlineData("5s", 5_000)]
    [InlineData("30m", 1_800_000)]
    [InlineData("2h", 7_200_000)]
    [InlineData("1d", 86_400_000)]
    [InlineData("0.5s", 500)]
    [InlineData(".5s", 500)]
    [InlineData("1.5MS", 1.5)]
    [InlineData("  30M ", 1_800_000)]
    [InlineData("00:00:05", 5_000)]
    [InlineData("00:00:00.25", 250)]
    [InlineData("01:30", 5_400_000)]
    [InlineData("1.00:00:00", 86_400_000)]
    public void Every_unit_is_read(string text, double milliseconds)
    {
        Assert.True(Duration.TryParse(text, out var span));
        Assert.Equal(milliseconds, span.TotalMilliseconds);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("5000")]
    [InlineData("0.5")]
    public void A_bare_number_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("s")]
    [InlineData("ms")]
    [InlineData("5x")]
    [InlineData("five s")]
    [InlineData("5 s")]
    [InlineData("1,5s")]
    [InlineData("1e3s")]
    [InlineData("5ss")]
    [InlineData("NaNs")]
    [InlineData("∞s")]
    [InlineData("\u0665s")]
    [InlineData(":")]
    [InlineData("5:")]
    public void Text_that_is_no_time_is_refused(string? text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData("0ms")]
    [InlineData("0s")]
    [InlineData("-5s")]
    [InlineData("-00:00:05")]
    [InlineData("00:00:00")]
    [InlineData("0.00001ms")]
    [InlineData("25d")]
    [InlineData("2147483648ms")]
    [InlineData("25.00:00:00")]
    [InlineData("99999999999999999999d")]
    public void A_time_beyond_the_timer_limit_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData("2147483647ms")]
    [InlineData("24d")]
    [InlineData("0.0001ms")]
    public void The_longest_and_the_shortest_are_taken(string text)
    {
        Assert.True(Duration.TryParse(text, out var span));
        Assert.True(Duration.IsUsable(span));
    }

    // The framework's own parser takes hours beyond 23 for days.
    [Theory]
    [InlineData("24:00:00")]
    [InlineData("24:30:00")]
    public void Hours_beyond_a_day_are_refused_rather_than_taken_for_days(string text) => Assert.False(Duration.TryParse(text, out _));

    [Fact]
    public void Usable_is_above_zero_and_at_most_what_a_timer_takes()
    {
        Assert.False(Duration.IsUsable(TimeSpan.Zero));
        Assert.False(Duration.IsUsable(TimeSpan.FromTicks(-1)));
        Assert.True(Duration.IsUsable(TimeSpan.FromTicks(1)));
        Assert.True(Duration.IsUsable(TimeSpan.FromMilliseconds(int.MaxValue)));
        Assert.False(Duration.IsUsable(TimeSpan.FromMilliseconds(int.MaxValue) + TimeSpan.FromTicks(1)));
    }

    [Theory]
    [InlineData("de-DE")]
    [InlineData("tr-TR")]
    public void The_culture_of_the_host_does_not_matter(string culture)
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo(culture);
            Assert.True(Duration.TryParse("1.5s", out var seconds));
            Assert.Equal(1500, seconds.TotalMilliseconds);
            Assert.True(Duration.TryParse("1.5MS", out var milliseconds));
            Assert.Equal(1.5, milliseconds.TotalMilliseconds);
            Assert.True(Duration.TryParse("00:00:00.5", out var clock));
            Assert.Equal(500, clock.TotalMilliseconds);
            Assert.False(Duration.TryParse("1,5s", out _));
            Assert.False(Duration.TryParse("00:00:00,5", out _));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
