using System;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

public sealed class SlotRangeTests
{
    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("16383", 16383, 16383)]
    [InlineData("0-16383", 0, 16383)]
    [InlineData("5-7", 5, 7)]
    public void One_slot_and_a_range_are_parsed_and_written_back(string text, int first, int last)
    {
        Assert.True(SlotRange.TryParse(text, out var range));
        Assert.Equal((first, last, last - first + 1), (range.First, range.Last, range.Count));
        Assert.Equal(text, range.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-5")]
    [InlineData("5-")]
    [InlineData("7-5")]
    [InlineData("1-2-3")]
    [InlineData("16384")]
    [InlineData("0-16384")]
    [InlineData("99999999999")]
    [InlineData(" 5")]
    [InlineData("+5")]
    [InlineData("0x5")]
    [InlineData("[93->-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]")]
    public void Other_text_is_rejected(string? text) => Assert.False(SlotRange.TryParse(text, out _));

    [Fact]
    public void A_range_of_one_slot_is_written_as_that_slot() => Assert.Equal("5", new SlotRange(5, 5).ToString());

    [Theory]
    [InlineData(-1, 5)]
    [InlineData(16384, 16384)]
    [InlineData(5, 16384)]
    [InlineData(7, 5)]
    public void An_invalid_range_is_rejected(int first, int last) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SlotRange(first, last));

    [Fact]
    public void Ranges_sort_by_first_and_then_by_last_slot()
    {
        SlotRange[] ranges = [new(7, 9), new(5, 9), new(5, 6)];

        Array.Sort(ranges);

        Assert.Equal([new(5, 6), new(5, 9), new(7, 9)], ranges);
        Assert.True(new SlotRange(5, 6) < new SlotRange(5, 9));
        Assert.True(new SlotRange(5, 6) != new SlotRange(5, 9));
    }
}
