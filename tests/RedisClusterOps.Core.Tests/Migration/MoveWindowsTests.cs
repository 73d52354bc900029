using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Bulk;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>How many slots of a bulk move are open at a time.</summary>
public class MoveWindowsTests
{
    private static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(1);

    [Fact]
    public void At_a_limited_rate_a_window_takes_a_quarter_of_a_second()
    {
        var windows = new MoveWindows(Slots(5_000, keys: 2), keysPerSecond: 400, TimeSpan.Zero);
        for (var i = 0; i < 10; i++)
            Assert.Equal(100, Drained(windows, windows.Next(), Fast).Sum(slot => slot.Keys));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10_000)]
    public void A_slot_with_more_keys_than_a_window_has_its_own_window(double keysPerSecond) =>
        Assert.Single(new MoveWindows(Slots(3, keys: 30_000), keysPerSecond, TimeSpan.Zero).Next());

    [Fact]
    public void Windows_grow_while_they_are_fast_and_shrink_to_a_quarter_of_a_second()
    {
        var windows = new MoveWindows(Slots(16_384, keys: 100), keysPerSecond: null, TimeSpan.Zero);
        var first = Drained(windows, windows.Next(), Fast);
        var second = Drained(windows, windows.Next(), Fast);
        Assert.InRange(second.Count, first.Count + 1, 1024);
        var third = Drained(windows, windows.Next(), Slow);
        Assert.InRange(windows.Next().Count, 1, third.Count / 4);
    }

    // Each window costs about ten round trips, however small it is.
    [Fact]
    public void Over_a_distance_a_window_takes_ten_round_trips()
    {
        var windows = new MoveWindows(Slots(16_384, keys: 100), keysPerSecond: null, roundTrip: TimeSpan.FromMilliseconds(40));
        var first = Drained(windows, windows.Next(), TimeSpan.FromMilliseconds(400));
        Assert.Equal(64, first.Count);
        var second = Drained(windows, windows.Next(), TimeSpan.FromMilliseconds(800));
        Assert.Equal(64, second.Count);
        Assert.Equal(32, windows.Next().Count);
    }

    [Fact]
    public void Over_a_distance_a_limited_rate_has_windows_of_ten_round_trips()
    {
        var windows = new MoveWindows(Slots(5_000, keys: 2), keysPerSecond: 400, roundTrip: TimeSpan.FromMilliseconds(40));
        for (var i = 0; i < 10; i++)
            Assert.Equal(160, Drained(windows, windows.Next(), Fast).Sum(slot => slot.Keys));
    }

    [Fact]
    public void Windows_of_empty_slots_hold_at_most_1024_and_fewer_while_handovers_are_slow()
    {
        var windows = new MoveWindows(Slots(16_384, keys: 0), keysPerSecond: null, TimeSpan.Zero);
        for (var i = 0; i < 5; i++)
            windows.Passed(windows.Next(), Fast);
        var full = windows.Next();
        Assert.Equal(1024, full.Count);
        windows.Passed(full, Slow);
        Assert.Equal(256, windows.Next().Count);
    }

    [Fact]
    public void If_gossip_takes_seconds_all_slots_are_one_window() =>
        Assert.Equal(3_000, new MoveWindows(Slots(3_000, keys: 1), keysPerSecond: 10, TimeSpan.Zero) { AreWhole = true }.Next().Count);

    [Fact]
    public void Each_slot_is_in_exactly_one_window()
    {
        var windows = new MoveWindows(Slots(700, keys: 1), keysPerSecond: null, TimeSpan.Zero);
        var taken = new List<int>();
        while (!windows.IsEmpty)
            taken.AddRange(windows.Next().Select(slot => slot.Slot));
        Assert.Equal(Enumerable.Range(0, 700), taken);
        Assert.Empty(windows.Next());
    }

    private static IEnumerable<SlotMove> Slots(int count, long keys) => Enumerable.Range(0, count).Select(slot => new SlotMove(slot, keys));

    private static List<SlotMove> Drained(MoveWindows windows, List<SlotMove> window, TimeSpan took)
    {
        window.ForEach(slot => slot.Moved = slot.Keys);
        windows.Drained(window, took);
        return window;
    }
}
