using System;
using System.Globalization;
using System.Management.Automation;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>What -Until takes, at half past eleven at night.</summary>
public sealed class UntilTests
{
    [Theory]
    [InlineData("2h", "2026-11-30 01:30")]
    [InlineData("90m", "2026-11-30 01:00")]
    [InlineData("05:30", "2026-11-30 05:30")]
    [InlineData("23:45", "2026-11-29 23:45")]
    [InlineData("2026-12-01 04:00", "2026-12-01 04:00")]
    [InlineData("2026-12-01T04:00:00", "2026-12-01 04:00")]
    public void A_time_limit_is_a_time_a_time_of_day_or_a_duration(string text, string local) =>
        Assert.Equal(DateTime.Parse(local, CultureInfo.InvariantCulture).ToUniversalTime(), UntilAttribute.Read(text, Night));

    [Theory]
    [InlineData("2026-11-29 20:00", "2026-11-29 20:00:00 is in the past: it is 2026-11-29 23:30:00 here. Nothing was changed.")]
    [InlineData("5", "'5' is not a time. Examples: '2026-11-30 05:30', 05:30, 2h, 90m.")]
    [InlineData("tomorrow", "'tomorrow' is not a time. Examples: '2026-11-30 05:30', 05:30, 2h, 90m.")]
    public void Anything_else_and_the_past_are_refused(string text, string message) => Assert.Equal(
        message,
        Assert.ThrowsAny<ArgumentTransformationMetadataException>(() => UntilAttribute.Read(text, Night)).Message);

    [Fact]
    public void A_time_limit_takes_objects_too()
    {
        Assert.Equal(Night.AddHours(2).ToUniversalTime(), UntilAttribute.Read(TimeSpan.FromHours(2), Night));
        Assert.Equal(Night.AddHours(1).ToUniversalTime(), UntilAttribute.Read(Night.AddHours(1).ToUniversalTime(), Night));
        Assert.ThrowsAny<ArgumentTransformationMetadataException>(() => UntilAttribute.Read(TimeSpan.Zero, Night));
    }

    private static DateTime Night { get; } = new(2026, 11, 29, 23, 30, 0, DateTimeKind.Local);
}
