using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace RedisClusterOps;

/// <summary>Failures of slots that have the same cause are one failure, which names the slots as ranges.</summary>
internal sealed class SlotFailures
{
    // A part of an address is no slot number.
    private const string SlotNumber = @"(?<![\d.:]){0}(?![.:]?\d)";

    // The target of the error record and the next action name all ranges.
    private const int ShownRanges = 10;

    private readonly List<(int Slot, RedisOperationException Failure)> _failures = [];

    /// <summary>Adds the failure of a slot.</summary>
    public void Add(int slot, RedisOperationException failure) => _failures.Add((slot, failure));

    /// <summary>Removes the failures, and returns an error record for each cause.</summary>
    public IReadOnlyList<ErrorRecord> Take()
    {
        var causeOf = CausesOf(_failures.Select(each => each.Failure));
        var records = _failures.GroupBy(each => causeOf(each.Slot, each.Failure))
            .Select(alike => ErrorRecords.From(OfAll([.. alike]), SlotRange.TextOf(alike.Select(each => each.Slot)))).ToList();
        _failures.Clear();
        return records;
    }

    /// <summary>
    /// The text of a slot's cause. The failure of a slot has the same text as that of another slot with this cause, or differs in the
    /// number of its slot.
    /// </summary>
    /// <param name="failures">The failures to group.</param>
    public static Func<int, RedisOperationException, string> CausesOf(IEnumerable<RedisOperationException> failures)
    {
        var texts = failures.ToLookup(TextOf);
        return (slot, failure) => texts[TextOf(failure)].Skip(1).Any()
            ? TextOf(failure)
            : Regex.Replace(TextOf(failure), string.Format(CultureInfo.InvariantCulture, SlotNumber, slot), "#");

        static string TextOf(RedisOperationException failure) => failure.Code + "\n" + ErrorRecords.TextOf(failure);
    }

    /// <summary>One failure for all slots with the same cause, with one next action.</summary>
    public static RedisOperationException OfAll(IReadOnlyList<(int Slot, RedisOperationException Failure)> alike)
    {
        var first = alike.OrderBy(each => each.Slot).First().Failure;
        var slots = SlotRange.TextOf(alike.Select(each => each.Slot));
        if (alike.Count == 1 || first.Message.Contains(slots))
            return first;
        var isShared = alike.All(each => each.Failure.Message == first.Message);
        var message = alike.Count.ToString(CultureInfo.InvariantCulture) + " slots (" + Shown(slots) + ") failed for the same reason"
            + (isShared ? ": " : ". The first: ") + first.Message;
        var next = first.Next is null ? null : OfAll(first.Next, slots);
        return new RedisOperationException(first.Code, message, isShared ? first.Subject ?? slots : slots, next, first);
    }

    private static NextAction OfAll(NextAction next, string slots) => next with
    {
        Slots = next.Slots is null ? null : slots,
        Or = next.Or is { } other ? OfAll(other, slots) : null,
    };

    private static string Shown(string slots)
    {
        var ranges = slots.Split(',');
        return ranges.Length <= ShownRanges ? slots : string.Join(",", ranges.Take(ShownRanges)) + ",…";
    }
}
