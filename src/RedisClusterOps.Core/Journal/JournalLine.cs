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

/// <summary>One line of a run's file: a flat object in which everything but kind and time is optional.</summary>
/// <remarks>
/// The file is untrusted input. A line is plain data: no member can hold an object, so no type name is ever resolved, and anything else is
/// rejected. Unknown members are ignored, so that files of newer versions can be read.
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

    // Depth 1 is the line, 2 are its members, 3 are the items of a list.
    private static readonly XmlDictionaryReaderQuotas Quotas = new()
    {
        MaxDepth = 8,
        MaxStringContentLength = LineReader.LongestLine,
        MaxArrayLength = LineReader.LongestLine,
    };

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

    /// <summary>The run that holds a lock. A run's own file is named after its id.</summary>
    [DataMember(Name = "run", Order = 21, EmitDefaultValue = false)]
    public string? Run { get; set; }

    [DataMember(Name = "seeds", Order = 22, EmitDefaultValue = false)]
    public string[]? Seeds { get; set; }

    [DataMember(Name = "nodeIds", Order = 23, EmitDefaultValue = false)]
    public string[]? NodeIds { get; set; }

    /// <summary>Instead of one slot, the slots that share the line, such as <c>0-99,105</c>.</summary>
    [DataMember(Name = "slots", Order = 24, EmitDefaultValue = false)]
    public string? Slots { get; set; }

    /// <summary>In a progress line: nodes whose setting has its old value again.</summary>
    /// <remarks>
    /// This is a member, not a new kind of line: the previous version ignores unknown members, but counts unknown kinds as damage.
    /// </remarks>
    [DataMember(Name = "restored", Order = 25, EmitDefaultValue = false)]
    public string[]? Restored { get; set; }

    /// <summary>In the first line: each replica with its master, as <c>id=id</c>.</summary>
    [DataMember(Name = "replicas", Order = 26, EmitDefaultValue = false)]
    public string[]? Replicas { get; set; }

    /// <summary>In the first line of a change of members or roles: the commands of the plan, each with its node.</summary>
    [DataMember(Name = "commands", Order = 27, EmitDefaultValue = false)]
    public string[]? Commands { get; set; }

    /// <summary>In the first line: whether masters that lose their last slot stay masters.</summary>
    [DataMember(Name = "keepsEmptyMaster", Order = 28, EmitDefaultValue = false)]
    public bool? KeepsEmptyMaster { get; set; }

    /// <summary>The slots of the line; empty for a line about the whole run. Parsed once.</summary>
    public SlotSet AllSlots => _allSlots ??= Slot is { } one ? SlotSet.From([new SlotRange(one, one)])
        : SlotSet.TryParse(Slots, out var many) ? many!
        : SlotSet.Empty;

    public DateTime Time { get; private set; }

    public static JournalLine Of(string kind, DateTime at) =>
        new() { Kind = kind, At = at.ToString("o", CultureInfo.InvariantCulture), Time = at };

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

    /// <summary>The outcome that slots share.</summary>
    public static JournalLine Of(
        RedisSlotMigrationResult result, TimeSpan elapsed, FailureCode? failure, IEnumerable<int> slots, DateTime at)
    {
        var line = Of(Outcome, at);
        var set = SlotSet.From(slots);
        if (set.Count == 1)
            line.Slot = set.Ranges[0].First;
        else
            line.Slots = set.ToString();
        line.Result = result.Outcome.ToString();
        line.KeysMoved = result.KeysMoved;
        line.KeysConflicting = result.KeysConflicting;
        line.Milliseconds = Math.Max(0, (long)elapsed.TotalMilliseconds);
        line.Failure = failure?.ToString();
        line.Reason = result.Reason;
        return line;
    }

    /// <summary>The line with its line break. JSON escapes other line breaks.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        Serializer.WriteObject(bytes, this);
        bytes.WriteByte((byte)'\n');
        return bytes.ToArray();
    }

    /// <returns>Null if this is no line of a journal.</returns>
    public static JournalLine? TryRead(byte[] bytes, int length)
    {
        // The JSON reader closes open values at the end of the bytes, so half a number would be a number.
        if (length == 0 || bytes[length - 1] != (byte)'}')
            return null;
        try
        {
            using var reader = JsonReaderWriterFactory.CreateJsonReader(bytes, 0, length, Encoding.UTF8, Quotas, null);
            return Serializer.ReadObject(reader) is JournalLine line && line.IsSound() ? line : null;
        }
        // The reader's exceptions for bytes that are no JSON, for JSON that is no line, and for half a character at the end.
        catch (Exception failure) when (failure is SerializationException or XmlException or FormatException or OverflowException
            or ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private bool IsSound()
    {
        if (!DateTime.TryParseExact(At, "o", CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time)
            || time.Kind != DateTimeKind.Utc)
            return false;
        Time = time;
        if (!new[] { KeysLeft, KeysMoved, KeysConflicting, Milliseconds }.All(number => number is null or (>= 0 and <= MostKeys)))
            return false;
        return Kind switch
        {
            Begin => Operation is not null && AreWhole(NodeIds) && AreWhole(Seeds) && (Replicas is null || AreWhole(Replicas))
                && (Commands is null || AreWhole(Commands)),
            Planned or Intent => (IsOfSlot || IsOfSlots) && Operation is not null,
            Progress => IsOfSlot && KeysMoved is not null && (Restored is null || AreWhole(Restored)),
            Outcome => (IsOfSlot || IsOfSlots) && Enum.TryParse<MigrationOutcome>(Result, out var outcome)
                && Enum.IsDefined(typeof(MigrationOutcome), outcome),
            SettingChanged => IsOfSlot && NodeIds is { Length: > 0 } && AreWhole(NodeIds),
            End => true,
            _ => false,
        };
    }

    private static bool AreWhole(string[]? items) => items is not null && items.All(item => item is not null);

    private bool IsOfSlot => Slot is >= 0 and < HashSlot.Count;

    private bool IsOfSlots => Slot is null && AllSlots.Count > 0;
}

/// <summary>What a run is about to do to a slot.</summary>
/// <param name="OwnerId">Id of the owner before the run.</param>
/// <param name="Keys">Keys to move when it began, in a line for many slots of all of them; null if they were not counted.</param>
internal sealed record SlotEntry(
    int Slot,
    MigrationOperation Operation,
    string? Strategy = null,
    string? SourceId = null,
    string? Source = null,
    string? TargetId = null,
    string? Target = null,
    string? OwnerId = null,
    long? Keys = null)
{
    public static SlotEntry Of(SlotPlan plan) => new(
        plan.Slot,
        plan.Kind,
        plan.Undo?.Strategy.ToString(),
        plan.SourceId,
        plan.Source,
        plan.TargetId,
        plan.Target,
        plan.Owner,
        plan.KeysOnSource);
}
