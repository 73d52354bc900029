using System.Linq;
using RedisClusterOps.Reports;
using Xunit;

namespace RedisClusterOps.Core.Tests.Reports;

/// <summary>What runs of the journal did to the owners of slots.</summary>
public sealed class OwnerChangeTests
{
    [Fact]
    public void Each_run_is_subtracted_from_the_present_owners()
    {
        var first = Run("1", Moved(1, "A", "B"), Moved(2, "A", "B"));
        var second = Run("2", Moved(1, "B", "C"));
        var changes = OwnerChange.Of([second, first], slot => slot switch { 1 => "C", 2 => "B", _ => "A" }).ToList();
        Assert.Equal([("2", "1"), ("1", "1-2")], changes.Select(change => (change.Run.Id, change.Moved.ToString())));
        Assert.Equal(("B", "C", "B", "B"), (changes[0].Before[1], changes[0].After[1], changes[0].Before[2], changes[0].After[2]));
        Assert.Equal(("A", "B", "A", "B"), (changes[1].Before[1], changes[1].After[1], changes[1].Before[2], changes[1].After[2]));
    }

    [Fact]
    public void A_slot_that_another_tool_moved_later_is_still_part_of_the_run()
    {
        var change = Assert.Single(OwnerChange.Of([Run("1", Moved(1, "A", "B"))], _ => "Z"));
        Assert.Equal(("A", "B", "Z"), (change.Before[1], change.After[1], change.After[2]));
    }

    [Fact]
    public void An_undo_counts_only_the_slots_that_it_returned()
    {
        var undo = Run("2", Moved(1, "B", "A") with { Outcome = MigrationOutcome.RolledBack });
        var failed = Run(
            "1",
            Moved(2, "A", "B") with { Outcome = MigrationOutcome.Failed },
            Moved(3, "A", "B") with { Outcome = MigrationOutcome.Skipped },
            Moved(4, "A", "B") with { Outcome = null });
        var change = Assert.Single(OwnerChange.Of([undo, failed], _ => "A"));
        Assert.Equal(("2", "1", "B", "A"), (change.Run.Id, change.Moved.ToString(), change.Before[1], change.After[1]));
    }

    internal static RedisMigration Run(string id, params RedisMigrationSlot[] slots) =>
        new() { Id = id, Operation = "Rebalance", Slots = slots };

    internal static RedisMigrationSlot Moved(int slot, string from, string to) => new()
    {
        Slot = slot,
        Operation = "Rebalance",
        OwnerId = from,
        SourceId = from,
        TargetId = to,
        Source = from + ":1",
        Target = to + ":1",
        Outcome = MigrationOutcome.Moved,
    };
}
