using System;
using System.Collections.Generic;
using System.Linq;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

public sealed class SlotSetTests
{
    private static readonly Arbitrary<int[]> Slots =
        Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(0, 16383), Gen.Choose(16370, 16383)).ArrayOf().ToArbitrary();

    [Fact]
    public void Consecutive_slots_are_one_range() =>
        Assert.Equal("0-5,7,63-64,16383", SlotSet.From([16383, 7, 5, 4, 3, 2, 1, 0, 64, 63, 63]).ToString());

    [Fact]
    public void Ranges_may_overlap_touch_and_be_in_any_order() =>
        Assert.Equal(
            "1-9,20",
            SlotSet.From([new SlotRange(20, 20), new SlotRange(5, 9), new SlotRange(1, 4), new SlotRange(2, 6)]).ToString());

    [Fact]
    public void The_empty_set_has_no_slots()
    {
        Assert.Equal(0, SlotSet.Empty.Count);
        Assert.Empty(SlotSet.Empty.Ranges);
        Assert.Equal("", SlotSet.Empty.ToString());
        Assert.Equal(SlotSet.Empty, SlotSet.From(new List<SlotRange>()));
    }

    [Fact]
    public void All_slots_are_one_range()
    {
        var all = SlotSet.From([new SlotRange(0, 16383)]);

        Assert.Equal(16384, all.Count);
        Assert.Equal("0-16383", all.ToString());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(16384)]
    public void An_invalid_slot_is_never_in_a_set_and_cannot_be_added(int slot)
    {
        Assert.False(SlotSet.From([new SlotRange(0, 16383)]).Contains(slot));
        Assert.Throws<ArgumentOutOfRangeException>(() => SlotSet.From([slot]));
    }

    [Fact]
    public void A_set_contains_exactly_the_slots_it_was_made_of() =>
        Prop.ForAll(Slots, slots =>
        {
            var set = SlotSet.From(slots);
            var expected = slots.Distinct().Order().ToArray();
            return set.Slots.SequenceEqual(expected)
                && set.Count == expected.Length
                && Enumerable.Range(0, 16384).Where(set.Contains).SequenceEqual(expected);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Sets_of_the_same_slots_are_equal_and_others_are_not() =>
        Prop.ForAll(Slots, Slots, (left, right) =>
        {
            var (one, other) = (SlotSet.From(left), SlotSet.From(right));
            var again = SlotSet.From(one.Ranges.Reverse());
            return one.Equals(again)
                && one.GetHashCode() == again.GetHashCode()
                && one.Equals(other) == left.ToHashSet().SetEquals(right);
        }).QuickCheckThrowOnFailure();
}
