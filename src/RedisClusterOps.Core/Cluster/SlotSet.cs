using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>An immutable set of slots, kept as the fewest ranges.</summary>
/// <remarks>Every node reports the slots of every other node, so there may be a million sets. Most contain at most one range.</remarks>
internal sealed class SlotSet : IEquatable<SlotSet>
{
    private readonly SlotRange[] _ranges;

    private SlotSet(SlotRange[] ranges)
    {
        _ranges = ranges;
        foreach (var range in ranges)
            Count += range.Count;
    }

    public static SlotSet Empty { get; } = new([]);

    /// <summary>The number of slots.</summary>
    public int Count { get; }

    /// <summary>The fewest ranges that contain the slots, lowest first.</summary>
    public IReadOnlyList<SlotRange> Ranges => _ranges;

    /// <summary>All slots, lowest first.</summary>
    public IEnumerable<int> Slots
    {
        get
        {
            foreach (var range in _ranges)
            {
                for (var slot = range.First; slot <= range.Last; slot++)
                    yield return slot;
            }
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">A slot is outside 0 to 16383.</exception>
    public static SlotSet From(IEnumerable<int> slots)
    {
        var ranges = new List<SlotRange>();
        foreach (var slot in slots)
        {
            // Slots are mostly in ascending order. Merging them here keeps the list short.
            if (ranges.Count > 0 && ranges[ranges.Count - 1] is var last && slot == last.Last + 1)
                ranges[ranges.Count - 1] = new SlotRange(last.First, slot);
            else
                ranges.Add(new SlotRange(slot, slot));
        }

        return From(ranges);
    }

    /// <summary>Makes a set of ranges, which may overlap and be in any order.</summary>
    public static SlotSet From(IEnumerable<SlotRange> ranges)
    {
        var merged = new List<SlotRange>();
        foreach (var range in Sorted(ranges))
        {
            if (merged.Count > 0 && merged[merged.Count - 1] is var last && range.First <= last.Last + 1)
                merged[merged.Count - 1] = new SlotRange(last.First, Math.Max(last.Last, range.Last));
            else
                merged.Add(range);
        }

        return merged.Count == 0 ? Empty : new SlotSet([.. merged]);
    }

    /// <summary>Parses the format of <see cref="ToString"/>: one or more ranges, separated by commas.</summary>
    public static bool TryParse(string? text, out SlotSet? set)
    {
        set = null;
        var ranges = new List<SlotRange>();
        foreach (var part in (text ?? string.Empty).Split(','))
        {
            if (ranges.Count >= HashSlot.Count || !SlotRange.TryParse(part, out var range))
                return false;
            ranges.Add(range);
        }

        set = From(ranges);
        return true;
    }

    /// <summary>False if the number is not a slot.</summary>
    public bool Contains(int slot)
    {
        var (low, high) = (0, _ranges.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (slot < _ranges[middle].First)
                high = middle - 1;
            else if (slot > _ranges[middle].Last)
                low = middle + 1;
            else
                return true;
        }

        return false;
    }

    public bool Equals(SlotSet? other) =>
        ReferenceEquals(this, other) || (other is not null && Count == other.Count && _ranges.SequenceEqual(other._ranges));

    public override bool Equals(object? obj) => Equals(obj as SlotSet);

    public override int GetHashCode()
    {
        var hash = Count;
        foreach (var range in _ranges)
            hash = unchecked(hash * 31 + range.GetHashCode());
        return hash;
    }

    /// <summary>The ranges, separated by commas: <c>0-5,7</c>.</summary>
    public override string ToString() => string.Join(",", _ranges);

    private static List<SlotRange> Sorted(IEnumerable<SlotRange> ranges)
    {
        var ordered = new List<SlotRange>(ranges);
        ordered.Sort();
        return ordered;
    }
}
