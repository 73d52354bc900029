using System;
using System.Collections.Generic;

namespace RedisClusterOps.Topology;

/// <summary>A set of slots that never changes: one bit for each of the 16384.</summary>
internal sealed class SlotSet : IEquatable<SlotSet>
{
    private const int BitsPerWord = 64;

    private readonly ulong[] _words;

    private SlotSet(ulong[] words)
    {
        _words = words;
        Ranges = RangesOf(words);
        foreach (var range in Ranges)
            Count += range.Count;
    }

    public static SlotSet Empty { get; } = From(Array.Empty<int>());

    /// <summary>How many slots are in the set.</summary>
    public int Count { get; }

    /// <summary>The same set as the fewest ranges, lowest first.</summary>
    public IReadOnlyList<SlotRange> Ranges { get; }

    /// <summary>Every slot in the set, lowest first.</summary>
    public IEnumerable<int> Slots
    {
        get
        {
            foreach (var range in Ranges)
            {
                for (var slot = range.First; slot <= range.Last; slot++)
                    yield return slot;
            }
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">A slot is outside 0 to 16383.</exception>
    public static SlotSet From(IEnumerable<int> slots)
    {
        var words = new ulong[HashSlot.Count / BitsPerWord];
        foreach (var slot in slots)
        {
            if (!IsSlot(slot))
                throw new ArgumentOutOfRangeException(nameof(slots), slot, "A slot is 0 to 16383.");
            Set(words, slot);
        }

        return new SlotSet(words);
    }

    /// <summary>The slots of all the ranges; they may overlap and come in any order.</summary>
    public static SlotSet From(IEnumerable<SlotRange> ranges)
    {
        var words = new ulong[HashSlot.Count / BitsPerWord];
        foreach (var range in ranges)
        {
            for (var slot = range.First; slot <= range.Last; slot++)
                Set(words, slot);
        }

        return new SlotSet(words);
    }

    /// <summary>False for a number that is no slot.</summary>
    public bool Contains(int slot) => IsSlot(slot) && IsSet(_words, slot);

    public bool Equals(SlotSet? other)
    {
        if (other is null)
            return false;
        for (var i = 0; i < _words.Length; i++)
        {
            if (_words[i] != other._words[i])
                return false;
        }

        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as SlotSet);

    public override int GetHashCode()
    {
        var hash = Count;
        foreach (var range in Ranges)
            hash = unchecked(hash * 31 + range.GetHashCode());
        return hash;
    }

    /// <summary>The ranges with commas between: <c>0-5,7</c>.</summary>
    public override string ToString() => string.Join(",", Ranges);

    private static bool IsSlot(int slot) => slot is >= 0 and < HashSlot.Count;

    private static bool IsSet(ulong[] words, int slot) => (words[slot / BitsPerWord] >> (slot % BitsPerWord) & 1) != 0;

    private static void Set(ulong[] words, int slot) => words[slot / BitsPerWord] |= 1UL << (slot % BitsPerWord);

    private static List<SlotRange> RangesOf(ulong[] words)
    {
        var ranges = new List<SlotRange>();
        for (var slot = 0; slot < HashSlot.Count; slot++)
        {
            if (!IsSet(words, slot))
                continue;
            var first = slot;
            while (slot + 1 < HashSlot.Count && IsSet(words, slot + 1))
                slot++;
            ranges.Add(new SlotRange(first, slot));
        }

        return ranges;
    }
}
