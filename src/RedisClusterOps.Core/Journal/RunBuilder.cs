using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Collects the lines of one run: the intent and the progress of each slot. Not thread-safe.</summary>
internal sealed class RunBuilder
{
    private const int MostNames = 10_000;

    // A run writes some hundred lines for many slots, and at most two for each slot. The limit is for the cost of a foreign file.
    private const long MostMentions = 20_000_000;

    private readonly Dictionary<int, Draft> _slots = [];
    private readonly HashSet<string> _restored = new(StringComparer.Ordinal);
    private JournalLine? _begin;
    private Dictionary<string, string>? _masterOfReplica;
    private JournalLine? _last;
    private DateTime? _ended;
    private string? _failure;
    private string? _reason;
    private long? _planned;
    private bool _isCounted = true;
    private long _mentions;

    /// <summary>The number of lines that could not be read.</summary>
    public int Damaged { get; private set; }

    /// <summary>True if no line was added: the writer died before the run began.</summary>
    public bool IsEmpty => _last is null && Damaged == 0;

    /// <param name="line">Null for a line that could not be read.</param>
    public void Add(JournalLine? line)
    {
        if (line is null)
        {
            Damaged++;
            return;
        }

        _last = line;
        if (line.Kind == JournalLine.Begin)
            Begin(line);
        else if (line.Kind == JournalLine.End)
            (_ended, _failure, _reason) = (line.Time, line.Failure, line.Reason);
        else if (_mentions > MostMentions || (_mentions += line.AllSlots.Count) > MostMentions)
            Damaged++;
        else
            Apply(line);
    }

    private void Begin(JournalLine line)
    {
        if (_begin is not null)
            return;
        _begin = line;
        if (line.Replicas is null)
            return;
        _masterOfReplica = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in Clean(line.Replicas).Select(text => text.Split('=')).Where(pair => pair.Length == 2))
            _masterOfReplica[pair[0]] = pair[1];
    }

    /// <summary>The state of one slot; null if no line mentions it.</summary>
    public RedisMigrationSlot? SlotOf(int slot) => _slots.TryGetValue(slot, out var draft) ? ToSlot(slot, draft) : null;

    private RedisMigrationSlot ToSlot(int slot, Draft draft) => draft.ToSlot(slot) with { MasterOfReplica = _masterOfReplica };

    public RedisMigration Build(string path, string id, DateTime fallback, bool isRunning)
    {
        var slots = _slots.OrderBy(slot => slot.Key).Select(slot => ToSlot(slot.Key, slot.Value)).ToArray();
        var started = _begin?.Time ?? fallback;
        return new RedisMigration
        {
            Id = id,
            Operation = Clean(_begin?.Operation) ?? nameof(MigrationOperation.Unknown),
            Strategy = Clean(_begin?.Strategy),
            State = StateOf(isRunning, slots),
            Started = started,
            LastProgress = _last?.Time ?? started,
            Ended = _ended,
            User = Clean(_begin?.User),
            Host = Clean(_begin?.Host),
            ProcessId = _begin?.ProcessId,
            Seeds = Clean(_begin?.Seeds),
            NodeIds = Clean(_begin?.NodeIds),
            MasterOfReplica = _masterOfReplica,
            Commands = Clean(_begin?.Commands),
            ChangedNode = Clean(_begin?.Target),
            ChangedNodeId = Clean(_begin?.TargetId),
            Reason = _reason is null ? null : Printable.Clean(_reason, 4000),
            KeepsEmptyMaster = _begin?.KeepsEmptyMaster == true,
            Slots = slots,
            KeysPlanned = _isCounted ? _planned : null,
            Path = path,
            DamagedLines = Damaged,
        };
    }

    public RunSummary Summarize(string id, DateTime fallback, long length, DateTime written) => new(id, length, written)
    {
        Started = _begin?.Time ?? fallback,
        HasEnded = _ended is not null,
        IsDamaged = Damaged > 0,
        NodeIds = Clean(_begin?.NodeIds),
        Left = SlotsWhere(slot => !slot.IsDone),
        Closed = SlotsWhere(slot => slot.Outcome is not null && !slot.IsUnfinished),
        Open = [.. _slots.Where(slot => slot.Value.IsUnfinished)
            .GroupBy(slot => slot.Value.Since!.Value, slot => slot.Key)
            .OrderBy(group => group.Key)
            .Select(group => (group.Key, SlotSet.From(group.OrderBy(slot => slot))))],
        Suppressed = [.. _slots.SelectMany(slot => slot.Value.Suppressed.Select(node => (slot.Key, node)))],
        Restored = [.. _restored],
    };

    private SlotSet SlotsWhere(Func<Draft, bool> matches) =>
        SlotSet.From(_slots.Where(slot => matches(slot.Value)).Select(slot => slot.Key).OrderBy(slot => slot));

    private void Apply(JournalLine line)
    {
        if (line is { Kind: JournalLine.Planned, Slot: null })
        {
            _isCounted &= line.KeysLeft is not null;
            _planned = (_planned ?? 0) + (line.KeysLeft ?? 0);
        }

        switch (line.Kind)
        {
            case JournalLine.Planned or JournalLine.Intent:
                var intent = Intent.Of(line);
                foreach (var draft in Drafts(line))
                    draft.Open(line, intent);
                break;
            case JournalLine.SettingChanged:
                var changed = Clean(line.NodeIds);
                _restored.ExceptWith(changed);
                foreach (var draft in Drafts(line))
                    (draft.Suppressed, draft.LastProgress) = ([.. draft.Suppressed, .. changed], line.Time);
                break;
            case JournalLine.Progress when line.Restored is { } restored:
                _restored.UnionWith(Clean(restored));
                foreach (var draft in _slots.Values.Where(draft => draft.Suppressed.Count > 0))
                    draft.Suppressed = [.. draft.Suppressed.Where(node => !_restored.Contains(node))];
                foreach (var draft in Drafts(line))
                    draft.LastProgress = line.Time;
                break;
            case JournalLine.Progress:
                foreach (var draft in Drafts(line))
                    (draft.KeysMoved, draft.KeysLeft, draft.LastProgress) = (line.KeysMoved!.Value, line.KeysLeft, line.Time);
                break;
            default:
                var outcome = (MigrationOutcome)Enum.Parse(typeof(MigrationOutcome), line.Result);
                var isCode = Enum.TryParse<FailureCode>(line.Failure, out var code) && Enum.IsDefined(typeof(FailureCode), code);
                FailureCode? failure = isCode ? code : null;
                var reason = line.Reason is null ? null : Printable.Clean(line.Reason, 4000);
                foreach (var draft in Drafts(line))
                    draft.End(line, outcome, failure, reason);
                break;
        }
    }

    private IEnumerable<Draft> Drafts(JournalLine line)
    {
        foreach (var slot in line.AllSlots.Slots)
        {
            if (!_slots.TryGetValue(slot, out var draft))
                _slots[slot] = draft = new Draft();
            yield return draft;
        }
    }

    private MigrationState StateOf(bool isRunning, RedisMigrationSlot[] slots) =>
        _ended is null ? (isRunning ? MigrationState.Running : MigrationState.Interrupted)
        : _failure == nameof(FailureCode.Stopped) ? MigrationState.Stopped
        : _failure is not null || slots.Any(slot => slot.HasFailed) ? MigrationState.Failed
        : slots.Any(slot => !slot.IsDone) ? MigrationState.Stopped
        : MigrationState.Completed;

    private static string? Clean(string? text) => text is null ? null : Printable.Clean(text, 300);

    private static string[] Clean(string[]? texts) => (texts ?? []).Take(MostNames).Select(text => Printable.Clean(text, 300)).ToArray();

    /// <summary>
    /// The part of a line that all its slots share. It is built once per line, because a line may cover thousands of slots.
    /// </summary>
    private sealed record Intent(
        string Operation, string? Strategy, string? Source, string? SourceId, string? Target, string? TargetId, string? OwnerId)
    {
        public static Intent Of(JournalLine line) => new(
            Clean(line.Operation)!,
            Clean(line.Strategy),
            Clean(line.Source),
            Clean(line.SourceId),
            Clean(line.Target),
            Clean(line.TargetId),
            Clean(line.OwnerId));

        public MigrationOperation Kind { get; } = MigrationOperationText.Parse(Operation);
    }

    private sealed class Draft
    {
        private static readonly Intent Unknown = new(string.Empty, null, null, null, null, null, null);

        private Intent _intent = Unknown;
        private FailureCode? _failure;
        private string? _reason;
        private long _conflicting;

        public DateTime? Since { get; private set; }

        public MigrationOutcome? Outcome { get; private set; }

        public DateTime? LastProgress { get; set; }

        public long KeysMoved { get; set; }

        public long? KeysLeft { get; set; }

        public IReadOnlyList<string> Suppressed { get; set; } = [];

        public bool IsDone => RedisMigrationSlot.IsSuccess(Outcome);

        public bool IsUnfinished => RedisMigrationSlot.IsLeftOpen(Since, Outcome, _intent.Kind);

        public void Open(JournalLine line, Intent intent)
        {
            var since = IsUnfinished ? Since : line.Time;
            _intent = intent;
            // The count of a line for many slots is their total.
            KeysLeft = line.Slot is null ? null : line.KeysLeft;
            if (line.Kind == JournalLine.Planned)
                return;
            // A slot that is opened again has been open since it was first left unfinished.
            (Since, Outcome, _failure, _reason, LastProgress) = (since, null, null, null, line.Time);
        }

        public void End(JournalLine line, MigrationOutcome outcome, FailureCode? failure, string? reason)
        {
            (Outcome, _failure, _reason, LastProgress) = (outcome, failure, reason, line.Time);
            (KeysMoved, _conflicting, KeysLeft) = (line.KeysMoved ?? KeysMoved, line.KeysConflicting ?? 0, line.KeysLeft);
        }

        public RedisMigrationSlot ToSlot(int slot) => new()
        {
            Slot = slot,
            Operation = _intent.Operation,
            Strategy = _intent.Strategy,
            Source = _intent.Source,
            SourceId = _intent.SourceId,
            Target = _intent.Target,
            TargetId = _intent.TargetId,
            OwnerId = _intent.OwnerId,
            Outcome = Outcome,
            Failure = _failure,
            KeysMoved = KeysMoved,
            KeysConflicting = _conflicting,
            KeysLeft = KeysLeft,
            Reason = _reason,
            Since = Since,
            LastProgress = LastProgress,
            SuppressedNodes = Suppressed,
        };
    }
}
