using System;
using System.Collections.Generic;
using System.Globalization;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>A range of consecutive slots, including both ends. Its text is <c>5</c> or <c>5-7</c>, as servers write it.</summary>
public readonly struct SlotRange : IEquatable<SlotRange>, IComparable<SlotRange>
{
    /// <summary>Makes a range.</summary>
    /// <param name="first">0 to 16383.</param>
    /// <param name="last">0 to 16383, not below <paramref name="first"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A slot is outside 0 to 16383, or the last is below the first.</exception>
    public SlotRange(int first, int last)
    {
        if (first is < 0 or >= HashSlot.Count)
            throw new ArgumentOutOfRangeException(nameof(first), first, "A slot is 0 to 16383.");
        if (last < first || last >= HashSlot.Count)
            throw new ArgumentOutOfRangeException(nameof(last), last, "A slot is 0 to 16383, and the last slot is not below the first.");
        First = first;
        Last = last;
    }

    /// <summary>The lowest slot.</summary>
    public int First { get; }

    /// <summary>The highest slot.</summary>
    public int Last { get; }

    /// <summary>The number of slots, 1 to 16384.</summary>
    public int Count => Last - First + 1;

    /// <summary>Parses <c>5</c> or <c>5-7</c>.</summary>
    /// <param name="text">The text: digits and at most one '-'.</param>
    /// <param name="range">The range.</param>
    /// <returns>False if the text has another format, a slot is above 16383, or the last slot is below the first.</returns>
    public static bool TryParse(string? text, out SlotRange range)
    {
        range = default;
        var ends = (text ?? string.Empty).Split('-');
        if (ends.Length > 2 || !TryParseSlot(ends[0], out var first) || !TryParseSlot(ends[ends.Length - 1], out var last) || last < first)
            return false;
        range = new SlotRange(first, last);
        return true;
    }

    /// <summary>Parses slots and ranges, such as <c>1,5-9</c> or <c>0..9</c>.</summary>
    /// <param name="text">Slots and ranges from 0 to 16383, separated by commas. Spaces are ignored.</param>
    /// <returns>Each slot once, in ascending order.</returns>
    /// <exception cref="RedisOperationException">InvalidArgument: the text has another format.</exception>
    public static IReadOnlyList<int> ParseSlots(string text)
    {
        if (SlotSet.TryParse(text.Replace(" ", string.Empty).Replace("..", "-"), out var slots) && slots is { Count: > 0 })
            return [.. slots.Slots];
        throw new RedisOperationException(
            FailureCode.InvalidArgument,
            "'" + Printable.Clean(text, 80)
                + "' is not a slot. Slots are numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.",
            text);
    }

    /// <summary>Writes slots as ranges, such as <c>0-5460,9000</c>.</summary>
    /// <param name="slots">0 to 16383, in any order. A slot may occur twice.</param>
    public static string TextOf(IEnumerable<int> slots) => SlotSet.From(slots).ToString();

    /// <inheritdoc/>
    public bool Equals(SlotRange other) => First == other.First && Last == other.Last;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SlotRange other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => First * HashSlot.Count + Last;

    /// <summary>Sorts by the first slot, then by the last.</summary>
    public int CompareTo(SlotRange other) => First != other.First ? First.CompareTo(other.First) : Last.CompareTo(other.Last);

    /// <summary><c>5</c> or <c>5-7</c>.</summary>
    public override string ToString()
    {
        var first = First.ToString(CultureInfo.InvariantCulture);
        return First == Last ? first : first + "-" + Last.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>True if both contain the same slots.</summary>
    public static bool operator ==(SlotRange left, SlotRange right) => left.Equals(right);

    /// <summary>True if they differ.</summary>
    public static bool operator !=(SlotRange left, SlotRange right) => !left.Equals(right);

    /// <summary>Sorts before.</summary>
    public static bool operator <(SlotRange left, SlotRange right) => left.CompareTo(right) < 0;

    /// <summary>Sorts before or is equal.</summary>
    public static bool operator <=(SlotRange left, SlotRange right) => left.CompareTo(right) <= 0;

    /// <summary>Sorts after.</summary>
    public static bool operator >(SlotRange left, SlotRange right) => left.CompareTo(right) > 0;

    /// <summary>Sorts after or is equal.</summary>
    public static bool operator >=(SlotRange left, SlotRange right) => left.CompareTo(right) >= 0;

    private static bool TryParseSlot(string text, out int slot) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out slot) && slot < HashSlot.Count;
}
