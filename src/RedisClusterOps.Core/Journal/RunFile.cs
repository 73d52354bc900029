using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Makes a run of the lines of its file.</summary>
internal static class RunFile
{
    public const string Extension = ".jsonl";

    private const int MostNames = 10_000;

    // A run of ours has some hundred lines of many slots, and at most two for each slot. A stranger's file shall not keep us busy for ever.
    private const long MostMentions = 20_000_000;
    private const string IdTime = "yyyyMMdd'T'HHmmss'Z'";

    public static bool IsId(string text) =>
        text.Length == 23 && text[16] == '-' && text.Skip(17).All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f')) && TimeOf(text) is not null;

    /// <param name="atWork">The runs that hold a lock, asked for after the file was found: a run that ends later has written so by the time it is read here.</param>
    /// <returns>Null: there is nothing in it, its writer died before it began.</returns>
    public static RedisMigration? Read(string path, ICollection<string> atWork) => Read(path, LinesOf(path), atWork);

    internal static RedisMigration? Read(string path, IEnumerable<JournalLine?> lines, ICollection<string> atWork)
    {
        var slots = new SortedDictionary<int, RedisMigrationSlot>();
        var (damaged, mentions) = (0, 0L);
        JournalLine? begin = null;
        JournalLine? last = null;
        DateTime? ended = null;
        long? planned = null;
        var isCounted = true;
        foreach (var line in lines)
        {
            if (line is null)
            {
                damaged++;
                continue;
            }

            last = line;
            if (line.Kind == JournalLine.Begin)
                begin ??= line;
            else if (line.Kind == JournalLine.End)
                ended = line.Time;
            else if (mentions > MostMentions || (mentions += line.Slot is null ? line.AllSlots.Count() : 1) > MostMentions)
            {
                damaged++;
            }
            else
            {
                if (line is { Kind: JournalLine.Planned, Slot: null })
                {
                    isCounted &= line.KeysLeft is not null;
                    planned = (planned ?? 0) + (line.KeysLeft ?? 0);
                }

                foreach (var number in line.AllSlots)
                    slots[number] = After(slots.TryGetValue(number, out var slot) ? slot : new RedisMigrationSlot { Slot = number }, line);
            }
        }

        if (last is null && damaged == 0)
            return null;
        var id = Path.GetFileNameWithoutExtension(path);
        var started = begin?.Time ?? TimeOf(id)!.Value;
        var touched = slots.Values.ToArray();
        return new RedisMigration
        {
            Id = id,
            Operation = Clean(begin?.Operation) ?? "Unknown",
            Strategy = Clean(begin?.Strategy),
            State = StateOf(ended is not null, atWork.Contains(id), touched),
            Started = started,
            LastProgress = last?.Time ?? started,
            Ended = ended,
            User = Clean(begin?.User),
            Host = Clean(begin?.Host),
            ProcessId = begin?.ProcessId,
            Seeds = Clean(begin?.Seeds),
            NodeIds = Clean(begin?.NodeIds),
            Slots = touched,
            KeysPlanned = isCounted ? planned : null,
            Path = path,
            DamagedLines = damaged,
        };
    }

    // A file that can't be read, such as another user's, is all damage: it is shown, and hides no other.
    private static IEnumerable<JournalLine?> LinesOf(string path)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception failure) when (JournalFolder.IsOfFiles(failure))
        {
            return [null];
        }

        return LineReader.Read(file);
    }

    private static RedisMigrationSlot After(RedisMigrationSlot slot, JournalLine line) => line.Kind switch
    {
        JournalLine.Planned => About(slot, line),
        // The slot is taken up again: since when it has been open is told by the first time that was not brought to an end.
        JournalLine.Intent => About(slot, line) with
        {
            Since = slot.IsUnfinished ? slot.Since : line.Time,
            Outcome = null,
            Failure = null,
            Reason = null,
            LastProgress = line.Time,
        },
        JournalLine.Kept => slot with { KeptMasters = [.. slot.KeptMasters, .. Clean(line.NodeIds)], LastProgress = line.Time },
        JournalLine.Progress => slot with { KeysMoved = line.KeysMoved!.Value, KeysLeft = line.KeysLeft, LastProgress = line.Time },
        _ => slot with
        {
            Outcome = (MigrationOutcome)Enum.Parse(typeof(MigrationOutcome), line.Result),
            KeysMoved = line.KeysMoved ?? slot.KeysMoved,
            KeysConflicting = line.KeysConflicting ?? 0,
            KeysLeft = line.KeysLeft,
            Failure = Enum.TryParse<FailureCode>(line.Failure, out var code) && Enum.IsDefined(typeof(FailureCode), code) ? code : null,
            Reason = line.Reason is null ? null : Printable.Clean(line.Reason, 4000),
            LastProgress = line.Time,
        },
    };

    private static RedisMigrationSlot About(RedisMigrationSlot slot, JournalLine line) => slot with
    {
        Operation = Clean(line.Operation)!,
        Strategy = Clean(line.Strategy),
        Source = Clean(line.Source),
        SourceId = Clean(line.SourceId),
        Target = Clean(line.Target),
        TargetId = Clean(line.TargetId),
        OwnerId = Clean(line.OwnerId),
        // Of many slots it is what all have together.
        KeysLeft = line.Slot is null ? null : line.KeysLeft,
    };

    private static MigrationState StateOf(bool ended, bool isAtWork, RedisMigrationSlot[] slots) =>
        !ended ? (isAtWork ? MigrationState.Running : MigrationState.Interrupted)
        : slots.Any(slot => slot.HasFailed) ? MigrationState.Failed
        : slots.Any(slot => !slot.IsDone) ? MigrationState.Stopped
        : MigrationState.Completed;

    private static DateTime? TimeOf(string id) => DateTime.TryParseExact(
        id.Substring(0, 16), IdTime, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;

    private static string? Clean(string? text) => text is null ? null : Printable.Clean(text, 300);

    private static string[] Clean(string[]? texts) => (texts ?? []).Take(MostNames).Select(text => Printable.Clean(text, 300)).ToArray();
}
