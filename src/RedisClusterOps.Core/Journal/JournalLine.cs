using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Journal;

/// <summary>One line of a run's file: flat, and all but its kind and its time may be absent.</summary>
/// <remarks>
/// The file may come from anybody, so a line is data and nothing else: no member can hold an object, hence no type name is ever looked
/// up, and what is no line of ours is no line. Members that are not known here are left out, so that files of newer versions can be read.
/// </remarks>
[DataContract]
internal sealed class JournalLine
{
    public const string Begin = "begin";
    public const string Planned = "planned";
    public const string Intent = "intent";
    public const string Progress = "progress";
    public const string SettingChanged = "kept";
    public const string Outcome = "outcome";
    public const string End = "end";

    // 2^48 keys, summed over 2^14 slots, is still a long.
    private const long MostKeys = 1L << 48;

    private static readonly DataContractJsonSerializer Serializer = new(typeof(JournalLine));

    // Depth 1 is the line, 2 its members, 3 the items of a list.
    private static readonly XmlDictionaryReaderQuotas Quotas = new() { MaxDepth = 8, MaxStringContentLength = LineReader.LongestLine, MaxArrayLength = LineReader.LongestLine };

    private SlotSet? _allSlots;

    [DataMember(Name = "kind", Order = 0)]
    public string Kind { get; set; } = string.Empty;

    [DataMember(Name = "at", Order = 1)]
    public string At { get; set; } = string.Empty;

    [DataMember(Name = "slot", Order = 2, EmitDefaultValue = false)]
    public int? Slot { get; set; }

    [DataMember(Name = "operation", Order = 3, EmitDefaultValue = false)]
    public string? Operation { get; set; }

    [DataMember(Name = "strategy", Order = 4, EmitDefaultValue = false)]
    public string? Strategy { get; set; }

    [DataMember(Name = "source", Order = 5, EmitDefaultValue = false)]
    public string? Source { get; set; }

    [DataMember(Name = "sourceId", Order = 6, EmitDefaultValue = false)]
    public string? SourceId { get; set; }

    [DataMember(Name = "target", Order = 7, EmitDefaultValue = false)]
    public string? Target { get; set; }

    [DataMember(Name = "targetId", Order = 8, EmitDefaultValue = false)]
    public string? TargetId { get; set; }

    [DataMember(Name = "ownerId", Order = 9, EmitDefaultValue = false)]
    public string? OwnerId { get; set; }

    [DataMember(Name = "keysLeft", Order = 10, EmitDefaultValue = false)]
    public long? KeysLeft { get; set; }

    [DataMember(Name = "keysMoved", Order = 11, EmitDefaultValue = false)]
    public long? KeysMoved { get; set; }

    [DataMember(Name = "keysConflicting", Order = 12, EmitDefaultValue = false)]
    public long? KeysConflicting { get; set; }

    [DataMember(Name = "outcome", Order = 13, EmitDefaultValue = false)]
    public string? Result { get; set; }

    [DataMember(Name = "milliseconds", Order = 14, EmitDefaultValue = false)]
    public long? Milliseconds { get; set; }

    [DataMember(Name = "failure", Order = 15, EmitDefaultValue = false)]
    public string? Failure { get; set; }

    [DataMember(Name = "reason", Order = 16, EmitDefaultValue = false)]
    public string? Reason { get; set; }

    [DataMember(Name = "user", Order = 17, EmitDefaultValue = false)]
    public string? User { get; set; }

    [DataMember(Name = "host", Order = 18, EmitDefaultValue = false)]
    public string? Host { get; set; }

    [DataMember(Name = "processId", Order = 19, EmitDefaultValue = false)]
    public int? ProcessId { get; set; }

    [DataMember(Name = "version", Order = 20, EmitDefaultValue = false)]
    public string? Version { get; set; }

    /// <summary>The run that holds a lock: the file of a run has its id as its name.</summary>
    [DataMember(Name = "run", Order = 21, EmitDefaultValue = false)]
    public string? Run { get; set; }

    [DataMember(Name = "seeds", Order = 22, EmitDefaultValue = false)]
    public string[]? Seeds { get; set; }

    [DataMember(Name = "nodeIds", Order = 23, EmitDefaultValue = false)]
    public string[]? NodeIds { get; set; }

    /// <summary>Many slots of which the same is said, such as <c>0-99,105</c>, instead of one.</summary>
    [DataMember(Name = "slots", Order = 24, EmitDefaultValue = false)]
    public string? Slots { get; set; }

    /// <summary>Of a progress line: nodes whose setting has its old value again.</summary>
    /// <remarks>Not a kind of line of its own, which the version before would count as damage: it ignores a member that it does not know.</remarks>
    [DataMember(Name = "restored", Order = 25, EmitDefaultValue = false)]
    public string[]? Restored { get; set; }

    /// <summary>The slots that the line is about; empty for a line about the whole run. Parsed once.</summary>
    public SlotSet AllSlots => _allSlots ??= Slot is { } one ? SlotSet.From([new SlotRange(one, one)]) : SlotSet.TryParse(Slots, out var many) ? many! : SlotSet.Empty;

    public DateTime Time { get; private set; }

    public static JournalLine Of(string kind, DateTime at) => new() { Kind = kind, At = at.ToString("o", CultureInfo.InvariantCulture), Time = at };

    public static JournalLine Of(string kind, DateTime at, SlotEntry entry)
    {
        var line = Of(kind, at);
        line.Slot = entry.Slot;
        line.Operation = entry.Operation.ToString();
        line.Strategy = entry.Strategy;
        line.Source = entry.Source;
        line.SourceId = entry.SourceId;
        line.Target = entry.Target;
        line.TargetId = entry.TargetId;
        line.OwnerId = entry.OwnerId;
        line.KeysLeft = entry.Keys;
        return line;
    }

    public static JournalLine Of(string kind, DateTime at, SlotEntry entry, IEnumerable<int> slots)
    {
        var line = Of(kind, at, entry);
        line.Slot = null;
        line.Slots = SlotSet.From(slots).ToString();
        return line;
    }

    /// <summary>The line with its end. JSON escapes line breaks, so there is only that one.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        Serializer.WriteObject(bytes, this);
        bytes.WriteByte((byte)'\n');
        return bytes.ToArray();
    }

    /// <returns>Null: not a line of a journal.</returns>
    public static JournalLine? TryRead(byte[] bytes, int length)
    {
        // The reader takes the end of the bytes for the end of whatever is open, so half a number would be a number.
        if (length == 0 || bytes[length - 1] != (byte)'}')
            return null;
        try
        {
            using var reader = JsonReaderWriterFactory.CreateJsonReader(bytes, 0, length, Encoding.UTF8, Quotas, null);
            return Serializer.ReadObject(reader) is JournalLine line && line.IsSound() ? line : null;
        }
        // What the reader throws at bytes that are no JSON, or JSON that is no line; half a character at the end is beyond its bounds.
        catch (Exception failure) when (failure
            is SerializationException or XmlException or FormatException or OverflowException or ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private bool IsSound()
    {
        if (!DateTime.TryParseExact(At, "o", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time) || time.Kind != DateTimeKind.Utc)
            return false;
        Time = time;
        return new[] { KeysLeft, KeysMoved, KeysConflicting, Milliseconds }.All(number => number is null or (>= 0 and <= MostKeys)) && Kind switch
        {
            Begin => Operation is not null && NodeIds is not null && NodeIds.All(id => id is not null) && Seeds is not null && Seeds.All(seed => seed is not null),
            Planned or Intent => (IsOfSlot || IsOfSlots) && Operation is not null,
            Progress => IsOfSlot && KeysMoved is not null && (Restored is null || Restored.All(id => id is not null)),
            Outcome => (IsOfSlot || IsOfSlots) && Enum.TryParse<MigrationOutcome>(Result, out var outcome) && Enum.IsDefined(typeof(MigrationOutcome), outcome),
            SettingChanged => IsOfSlot && NodeIds is { Length: > 0 } && NodeIds.All(id => id is not null),
            End => true,
            _ => false,
        };
    }

    private bool IsOfSlot => Slot is >= 0 and < HashSlot.Count;

    private bool IsOfSlots => Slot is null && AllSlots.Count > 0;
}
