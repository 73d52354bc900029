using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Journal;

/// <summary>The part of a run that is needed to select runs without reading their files.</summary>
/// <param name="Id">The id of the run, and the name of its file.</param>
/// <param name="Length">The length of the file in bytes when it was summarized.</param>
/// <param name="Written">When the file was last written, UTC. With another length or time the summary is outdated.</param>
internal sealed record RunSummary(string Id, long Length, DateTime Written)
{
    private const string None = "-";

    public DateTime Started { get; init; }

    public bool HasEnded { get; init; }

    /// <summary>True if lines, or the whole file, could not be read.</summary>
    public bool IsDamaged { get; init; }

    public IReadOnlyList<string> NodeIds { get; init; } = [];

    /// <summary>Slots that are not done: failed, unfinished or only planned.</summary>
    public SlotSet Left { get; init; } = SlotSet.Empty;

    /// <summary>Slots with an outcome that does not leave them open.</summary>
    public SlotSet Closed { get; init; } = SlotSet.Empty;

    /// <summary>Slots that were left open, by the time when they were opened, UTC.</summary>
    public IReadOnlyList<(DateTime Since, SlotSet Slots)> Open { get; init; } = [];

    /// <summary>Nodes whose setting the run changed and did not restore, with the slot that the change was for.</summary>
    public IReadOnlyList<(int Slot, string Node)> Suppressed { get; init; } = [];

    /// <summary>Nodes whose setting the run restored, including those of earlier runs.</summary>
    public IReadOnlyList<string> Restored { get; init; } = [];

    /// <summary>True if the run finished the slot successfully.</summary>
    public bool HasDone(int slot) => Closed.Contains(slot) && !Left.Contains(slot);

    /// <summary>The line of the index without a line break; null if a name can't be written there.</summary>
    public string? ToLine()
    {
        if (!NodeIds.Concat(Restored).Concat(Suppressed.Select(changed => changed.Node)).All(IsPlain))
            return null;
        return string.Join(
            "\t",
            Id,
            Text(Length),
            Text(Written.Ticks),
            Text(Started.Ticks),
            HasEnded ? "ended" : None,
            IsDamaged ? "damaged" : None,
            List(NodeIds, ","),
            List([Left.ToString()], string.Empty),
            List([Closed.ToString()], string.Empty),
            List(Open.Select(open => Text(open.Since.Ticks) + "=" + open.Slots), ";"),
            List(Suppressed.Select(changed => Text(changed.Slot) + "=" + changed.Node), ";"),
            List(Restored, ","));
    }

    /// <summary>Reads a line that <see cref="ToLine"/> wrote; null for anything else, so that the file of the run is read.</summary>
    public static RunSummary? TryRead(string line)
    {
        var fields = line.Split('\t');
        if (fields.Length != 12 || !RunFile.IsId(fields[0]) || !TryNumber(fields[1], out var length)
            || !TryTime(fields[2], out var written) || !TryTime(fields[3], out var started)
            || !TrySlots(fields[7], out var left) || !TrySlots(fields[8], out var closed))
            return null;
        var open = new List<(DateTime, SlotSet)>();
        foreach (var (name, value) in Pairs(fields[9]))
        {
            if (!TryTime(name, out var since) || !TrySlots(value, out var slots))
                return null;
            open.Add((since, slots));
        }

        var suppressed = new List<(int, string)>();
        foreach (var (name, value) in Pairs(fields[10]))
        {
            if (!TryNumber(name, out var slot) || slot >= HashSlot.Count)
                return null;
            suppressed.Add(((int)slot, value));
        }

        return new RunSummary(fields[0], length, written)
        {
            Started = started,
            HasEnded = fields[4] == "ended",
            IsDamaged = fields[5] == "damaged",
            NodeIds = Items(fields[6], ','),
            Left = left,
            Closed = closed,
            Open = open,
            Suppressed = suppressed,
            Restored = Items(fields[11], ','),
        };
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string List(IEnumerable<string> items, string separator) =>
        string.Join(separator, items) is { Length: > 0 } text ? text : None;

    private static string[] Items(string text, char separator) => text == None ? [] : text.Split(separator);

    private static IEnumerable<(string Name, string Value)> Pairs(string text) =>
        Items(text, ';').Select(pair => pair.Split(['='], 2)).Select(pair => (pair[0], pair.Length > 1 ? pair[1] : string.Empty));

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static bool TryTime(string text, out DateTime time)
    {
        var isTime = TryNumber(text, out var ticks) && ticks <= DateTime.MaxValue.Ticks;
        time = new DateTime(isTime ? ticks : 0, DateTimeKind.Utc);
        return isTime;
    }

    private static bool TrySlots(string text, out SlotSet slots)
    {
        slots = SlotSet.Empty;
        if (text == None)
            return true;
        var isSet = SlotSet.TryParse(text, out var read);
        slots = read ?? slots;
        return isSet;
    }

    // A node id has 40 hexadecimal digits. A foreign journal may hold anything.
    private static bool IsPlain(string name) => name.Length > 0 && name != None
        && name.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z'));
}
