using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Diagnosis;

/// <summary>What earlier looks have seen, to be looked up by what is seen now.</summary>
internal sealed class SightBook
{
    private readonly Dictionary<(string Code, string Target), Sight> _sights = [];
    private readonly ILookup<string, (Sight Sight, SlotSet Slots)> _ofManySlots;

    /// <param name="now">What was seen later than now was seen by a clock that has been set back since: it counts from now.</param>
    public SightBook(IEnumerable<Sight> sights, DateTime now)
    {
        foreach (var sight in sights.Select(sight => NotAfter(sight, now)))
        {
            var key = (sight.Code, sight.Target);
            _sights[key] = _sights.TryGetValue(key, out var other) ? Both(sight, other) : sight;
        }

        _ofManySlots = _sights.Values.Where(sight => sight.Code != Sight.OpenSlot)
            .Select(sight => (Sight: sight, Slots: SlotSet.TryParse(sight.Target, out var slots) ? slots! : SlotSet.Empty))
            .Where(pair => pair.Slots.Count > 0)
            .ToLookup(pair => pair.Sight.Code, StringComparer.Ordinal);
    }

    public IEnumerable<Sight> All => _sights.Values;

    public Sight? OpenSlot(string slot) => _sights.TryGetValue((Sight.OpenSlot, slot), out var sight) ? sight : null;

    /// <summary>When the trouble was first seen; where it is about slots, when any of them was.</summary>
    public DateTime? FirstSeen(string code, string target)
    {
        if (_sights.TryGetValue((code, target), out var same))
            return same.First;
        if (!SlotSet.TryParse(target, out var slots))
            return null;
        var touched = _ofManySlots[code].Where(pair => pair.Slots.Ranges.Any(range => slots!.Ranges.Any(other => other.First <= range.Last && range.First <= other.Last))).ToList();
        return touched.Count == 0 ? null : touched.Min(pair => pair.Sight.First);
    }

    private static Sight NotAfter(Sight sight, DateTime now) =>
        sight with { First = Earlier(sight.First, now), Seen = Earlier(sight.Seen, now), Changed = sight.Changed is { } changed ? Earlier(changed, now) : null };

    // Two accounts of one trouble: it began by the earlier one, and stands as the later one says.
    private static Sight Both(Sight one, Sight other)
    {
        var (early, late) = one.Seen <= other.Seen ? (one, other) : (other, one);
        var changed = AlertWatch.HasGotOn(early, late) ? late.Seen : (DateTime?)null;
        return late with
        {
            First = Earlier(one.First, other.First),
            Changed = new[] { one.Changed, other.Changed, changed }.Max(),
            KeysLeft = late.KeysLeft ?? early.KeysLeft,
            State = late.State ?? early.State,
            SourceId = late.SourceId ?? early.SourceId,
            TargetId = late.TargetId ?? early.TargetId,
        };
    }

    private static DateTime Earlier(DateTime one, DateTime other) => one < other ? one : other;
}
