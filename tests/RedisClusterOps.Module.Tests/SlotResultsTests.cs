using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>Thousands of outcomes become a few results, and one error for each cause.</summary>
public sealed class SlotResultsTests
{
    [Fact]
    public void A_pair_is_one_result_as_soon_as_its_last_slot_is_settled()
    {
        var results = new SlotResults([Slots(0, 100), Slots(200, 100)]);
        Assert.Empty(results.Add(Slots(0, 99).Select(slot => Moved(slot, "A")).ToList(), Seconds(1)));
        Assert.Empty(results.Add(Slots(200, 50).Select(slot => Moved(slot, "B")).ToList(), Seconds(2)));

        var settled = Assert.Single(results.Add([Moved(99, "A")], Seconds(3)));

        Assert.Null(settled.Failure);
        var result = settled.Result;
        Assert.Equal(("A", "T", "0-99", 100, 300L), (result.Source, result.Target, result.SlotRanges, result.SlotCount, result.KeysMoved));
        Assert.Equal((MigrationOutcome.Moved, "run"), (result.Outcome, result.MigrationId));
        // The first slot arrived after a second, and took half of it.
        Assert.Equal(Seconds(2.5), result.Elapsed);
        var rest = Assert.Single(results.Rest());
        Assert.Equal(("B", "200-249"), (rest.Result.Source, rest.Result.SlotRanges));
        Assert.Equal((150, true), (results.Done, results.CanBeUndone));
    }

    [Fact]
    public void Slots_that_fail_for_the_same_reason_are_one_error_with_ranges_and_one_next_action()
    {
        var results = new SlotResults([Slots(7000, 5461)]);
        var failed = Slots(7000, 5461).Select(slot => Failed(
            slot,
            "Slot " + slot + " has no owner: 127.0.0.1:7001 is dead.",
            new NextAction(NextActionCode.Repair) { Slots = slot + string.Empty }));

        var group = Assert.Single(results.Add(failed.ToList(), Seconds(1)));

        Assert.Equal(5461, group.Result.SlotCount);
        Assert.Equal(
            "5461 slots (7000-12460) failed for the same reason. The first: Slot 7000 has no owner: 127.0.0.1:7001 is dead.",
            group.Failure!.Message);
        Assert.Equal("Repair-RedisCluster -Slot 7000-12460", group.Failure.NextStep());
        Assert.Equal(group.Failure.Message + " Next: " + group.Failure.NextStep(), group.Result.Reason);
    }

    [Fact]
    public void Slots_that_share_a_failure_keep_its_text()
    {
        var shared = new RedisOperationException(FailureCode.Stopped, "Slots 1-2 of A -> T have not moved: stopped.", "A");
        var results = new SlotResults([[1, 2, 3]]);
        var outcomes = new[] { 1, 2 }.Select(slot => Failed(slot, shared)).Append(Moved(3, "A"));
        var groups = results.Add(outcomes.ToList(), Seconds(1)).ToList();
        Assert.Equal([("1-2", MigrationOutcome.Failed), ("3", MigrationOutcome.Moved)], groups.Select(group =>
            (group.Result.SlotRanges, group.Result.Outcome)));
        Assert.Same(shared, groups[0].Failure);
    }

    [Fact]
    public void A_shared_failure_that_names_no_slots_gets_their_number_and_ranges()
    {
        var unknown = new RedisOperationException(
            FailureCode.NodeNotFound, "No node is named 'x'.", "x", new NextAction(NextActionCode.ShowMasters));
        var group = Assert.Single(new SlotResults([[77, 5519]]).Add([Failed(77, unknown), Failed(5519, unknown)], Seconds(1)));
        Assert.Equal("2 slots (77,5519) failed for the same reason: No node is named 'x'.", group.Failure!.Message);
        Assert.Equal(("x", "Get-RedisClusterNode -Role Master"), (group.Failure.Subject, group.Failure.NextStep()));
    }

    [Fact]
    public void A_message_shows_ten_ranges_and_the_record_names_all()
    {
        var slots = Enumerable.Range(0, 30).Select(slot => slot * 2).ToList();
        var results = new SlotResults([slots]);
        var group = Assert.Single(results.Add(slots.Select(slot => Failed(slot, "Slot " + slot + " failed.", null)).ToList(), Seconds(1)));
        Assert.StartsWith("30 slots (0,2,4,6,8,10,12,14,16,18,…) failed", group.Failure!.Message, StringComparison.Ordinal);
        Assert.Equal(string.Join(",", slots), group.Failure.Subject);
    }

    [Fact]
    public void A_slot_whose_former_owner_is_dead_has_no_way_back()
    {
        var results = new SlotResults([[1, 2]]) { WithoutWayBack = new HashSet<int> { 1, 2 } };
        results.Add([Moved(1, "A")], Seconds(1));
        Assert.Equal((1, false), (results.Done, results.CanBeUndone));
    }

    [Fact]
    public void Different_causes_are_different_errors()
    {
        var results = new SlotResults([[1, 2]]);
        var groups = results.Add([Failed(1, "Slot 1: key 'a' differs.", null), Failed(2, "Slot 2: key 'b' differs.", null)], Seconds(1));
        Assert.Equal(["Slot 1: key 'a' differs.", "Slot 2: key 'b' differs."], groups.Select(group => group.Failure!.Message));
    }

    [Fact]
    public void A_slot_number_that_is_also_part_of_an_address_stays_in_the_address()
    {
        var slots = new[] { 1, 10, 7001, 7002 };
        var failed = slots.Select(slot =>
            Failed(slot, "Slot " + slot + " of 10.0.0.1:7001 failed: 10.0.0.1 kept slot " + slot + ".", null));
        var groups = new SlotResults([slots]).Add(failed.ToList(), Seconds(1));
        Assert.Equal(4, Assert.Single(groups).Result.SlotCount);
    }

    // Each slot has its own count. The text of the first stands for all.
    [Fact]
    public void Remarks_of_successes_that_differ_in_numbers_are_one_result()
    {
        var results = new SlotResults([[1, 2, 3]]);
        var outcomes = new[] { 1, 2, 3 }.Select(slot => Moved(slot, "A", slot + " of 9 keys expired."));
        var result = Assert.Single(results.Add(outcomes.ToList(), Seconds(1))).Result;
        Assert.Equal("1 of 9 keys expired. Similar: 2 other slots; -PerSlot shows each.", result.Reason);
    }

    [Fact]
    public void A_failure_after_the_result_of_its_slot_is_reported_at_the_end()
    {
        var results = new SlotResults([[1]]);
        Assert.Single(results.Add([Moved(1, "A")], Seconds(1)));
        Assert.Empty(results.Add([Failed(1, "Slot 1 has lost 3 keys.", null)], Seconds(2)));
        Assert.Equal("Slot 1 has lost 3 keys.", Assert.Single(results.Rest()).Failure!.Message);
    }

    private static IEnumerable<int> Slots(int first, int count) => Enumerable.Range(first, count);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static SlotOutcome Moved(int slot, string source, string? reason = null) => new(
        Result(slot) with { Source = source, SourceId = source, Outcome = MigrationOutcome.Moved, KeysMoved = 3, Reason = reason }, null);

    private static SlotOutcome Failed(int slot, string message, NextAction? next) =>
        Failed(slot, new RedisOperationException(FailureCode.SlotStateUnsuitable, message, slot.ToString(), next));

    private static SlotOutcome Failed(int slot, RedisOperationException failure) =>
        new(Result(slot) with { Outcome = MigrationOutcome.Failed, Reason = failure.Message }, failure);

    private static RedisSlotMigrationResult Result(int slot) => new()
    {
        Slot = slot,
        Operation = "Rebalance",
        Source = "A",
        SourceId = "A",
        Target = "T",
        TargetId = "T",
        Elapsed = Seconds(0.5),
        MigrationId = "run",
    };
}
