using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Diagnosis;

/// <summary>
/// Open slots with the same cause and the same next action: one finding, one alert, one command. Slots of one run and one pair of masters
/// are one group in whatever state the run left them; other slots are one group if their state is the same, too.
/// </summary>
internal sealed class OpenSlotGroup
{
    // A command line with more text can't be read or copied. The repair of all open slots has a shorter one.
    private const int LongestSlots = 160;

    private OpenSlotGroup(IReadOnlyList<RedisOpenSlot> slots)
    {
        Slots = slots;
        Target = SlotSet.From(slots.Select(open => open.Slot)).ToString();
        KeysLeft = Sum(slots.Select(open => open.KeysOnSource));
        PercentComplete = slots.Count == 1 ? slots[0].PercentComplete
            : Sum(slots.Select(open => open.Target is null ? null : open.KeysOnTarget)) is { } moved && KeysLeft is { } left
                ? left == 0 ? 100 : (int)(100 * moved / (left + moved))
            : null;
    }

    public IReadOnlyList<RedisOpenSlot> Slots { get; }

    /// <summary>The lowest slot of the group.</summary>
    public RedisOpenSlot First => Slots[0];

    public int Count => Slots.Count;

    /// <summary>The slots, as ranges.</summary>
    public string Target { get; }

    /// <summary>Keys left on the source; null if they are unknown.</summary>
    public long? KeysLeft { get; }

    /// <summary>Percentage of the keys that are on the target; null if it is unknown.</summary>
    public int? PercentComplete { get; }

    /// <summary>Groups slots, the lowest first.</summary>
    public static IEnumerable<OpenSlotGroup> Of(IEnumerable<RedisOpenSlot> open) => open
        .GroupBy(slot => (
            slot.MigrationId,
            State: slot.MigrationId is null ? slot.State : (RedisOpenSlotState?)null,
            slot.Source,
            slot.Target,
            Next: slot.Next is null ? null : slot.Next with { Slots = null }))
        .Select(group => new OpenSlotGroup([.. group.OrderBy(slot => slot.Slot)]));

    /// <summary>Such as <c>2 slots, Migrating, a:1 -> b:1</c>, or <c>Migrating, a:1 -> b:1</c> for one slot.</summary>
    public string What => string.Join(
        ", ", new[] { Count == 1 ? string.Empty : Number(Count) + " slots", States, Ends, Run }.Where(part => part.Length > 0));

    /// <summary>What clients see of the slots.</summary>
    public string ClientsSee
    {
        get
        {
            var groups = Slots.GroupBy(slot => slot.ClientsSee).ToList();
            return groups.Count == 1 ? groups[0].Key
                : string.Join("; ", groups.Select(group => "of " + Number(group.Count()) + " " + group.First().State + ", " + group.Key));
        }
    }

    /// <summary>The next action for all slots of the group.</summary>
    public NextAction? Next => Count == 1 || First.Next is not { Slots: not null } next ? First.Next
        : Target.Length <= LongestSlots ? next with { Slots = Target }
        : next.Code == NextActionCode.ShowOpenSlots ? next with { Slots = null }
        : new NextAction(NextActionCode.Repair);

    private string States => string.Join(
        ", ",
        Slots.GroupBy(slot => slot.State).OrderByDescending(state => state.Count()).ThenBy(state => state.Key)
            .Select(state => (state.Count() == Count ? string.Empty : Number(state.Count()) + " ") + state.Key));

    private string Ends => First.Source is not null && First.Target is not null ? First.Source + " -> " + First.Target : string.Empty;

    private string Run => First.MigrationId is not { } id ? string.Empty
        : (First.Next?.Code == NextActionCode.ShowRunningRuns ? "of run " + id + ", which is in progress" : "left by run " + id);

    private static long? Sum(IEnumerable<long?> counts) => counts.Aggregate((long?)0, (sum, count) => sum + count);
}
