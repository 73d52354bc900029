using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;

namespace RedisClusterOps.Diagnosis;

/// <summary>What the checks so far have observed of one problem.</summary>
/// <param name="Code">The name of the alert; <see cref="OpenSlot"/> for an open slot, stuck or not.</param>
/// <param name="Target">The node or the slots.</param>
/// <param name="First">When it was first observed, UTC. It may have begun earlier.</param>
/// <param name="Last">When it was last observed, UTC.</param>
internal sealed record Observation(string Code, string Target, DateTime First, DateTime Last)
{
    public const string OpenSlot = "SlotOpen";

    /// <summary>The code of a node's count of MOVED replies, which is no problem by itself. The target is the node's id.</summary>
    public const string MovedReplies = "MovedReplies";

    /// <summary>When progress was last observed; null if it never was.</summary>
    public DateTime? Changed { get; init; }

    public long? KeysLeft { get; init; }

    public RedisOpenSlotState? State { get; init; }

    public string? SourceId { get; init; }

    public string? TargetId { get; init; }

    /// <summary>The replies so far, of <see cref="MovedReplies"/>; how often the source ran MIGRATE so far, of an open slot.</summary>
    public long? Count { get; init; }

    /// <returns>Null if the server does not count MOVED replies.</returns>
    public static Observation? Of(RedisClusterTraffic traffic) => traffic.MovedReplies is { } count
        ? new(MovedReplies, traffic.NodeId, traffic.Time, traffic.Time) { Count = count }
        : null;

    public static Observation Of(RedisOpenSlot slot) => new(OpenSlot, TargetOf(slot), slot.ObservedAt, slot.ObservedAt)
    {
        Changed = slot.LastProgress,
        KeysLeft = slot.KeysOnSource,
        State = slot.State,
        SourceId = slot.SourceId,
        TargetId = slot.TargetId,
    };

    /// <summary>An alert of several open slots has no number of keys of each.</summary>
    public static IEnumerable<Observation> Of(RedisClusterAlert alert) =>
        alert.Code is AlertCode.SlotStuck or AlertCode.SlotOpen && SlotSet.TryParse(alert.Target, out var slots)
            ? slots!.Slots.Select(slot => new Observation(
                OpenSlot, slot.ToString(CultureInfo.InvariantCulture), alert.Since, alert.ObservedAt)
            {
                KeysLeft = slots.Count == 1 ? alert.KeysLeft : null,
            })
            : [new(alert.Code.ToString(), alert.Target, alert.Since, alert.ObservedAt)];

    public static string TargetOf(RedisOpenSlot slot) => slot.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether a slot made progress between two observations.</summary>
    public static bool HasProgressed(Observation before, Observation now) =>
        (before.State is { } state && now.State is { } present && state != present)
        || Differ(before.SourceId, now.SourceId) || Differ(before.TargetId, now.TargetId)
        || ((now.State is null || ProgressShowsInKeys(now.State.Value))
            && before.KeysLeft is { } left && now.KeysLeft is { } keys && left != keys
            && !HasMovedNothing(before, now));

    // Keys that expire or that clients delete are no progress: the source has run no MIGRATE since.
    private static bool HasMovedNothing(Observation before, Observation now) => before.Count is { } calls && calls == now.Count;

    /// <summary>
    /// Whether the number of keys on the source shows progress. Only a source that owns and migrates the slot gets no new keys;
    /// in the other states clients write there.
    /// </summary>
    public static bool ProgressShowsInKeys(RedisOpenSlotState state) => state is
        RedisOpenSlotState.Migrating or RedisOpenSlotState.Drained
        or RedisOpenSlotState.MigratingOnly or RedisOpenSlotState.TargetFailedOver;

    private static bool Differ(string? one, string? other) => one is not null && other is not null && one != other;
}

/// <summary>The observations of earlier checks, found by what is observed now.</summary>
internal sealed class ObservationHistory
{
    private readonly Dictionary<(string Code, string Target), Observation> _observations = [];
    private readonly ILookup<string, (Observation Observation, SlotSet Slots)> _ofManySlots;
    private readonly ILookup<(string Code, string Node), DateTime> _ofNodes;

    /// <param name="observations">The observations of earlier checks.</param>
    /// <param name="now">UTC. An observation from the future comes from a clock that was set back since; it counts from now.</param>
    public ObservationHistory(IEnumerable<Observation> observations, DateTime now)
    {
        foreach (var observation in observations.Select(observation => NotAfter(observation, now)))
        {
            var key = (observation.Code, observation.Target);
            _observations[key] = _observations.TryGetValue(key, out var other) ? Merged(observation, other) : observation;
        }

        _ofManySlots = _observations.Values.Where(observation => observation.Code != Observation.OpenSlot)
            .Select(observation => (Observation: observation, Slots: SlotsOf(observation)))
            .Where(pair => pair.Slots.Count > 0)
            .ToLookup(pair => pair.Observation.Code, StringComparer.Ordinal);
        _ofNodes = _observations.Values.Where(observation => observation.Code != Observation.OpenSlot)
            .SelectMany(observation => observation.Target.Split(',').Select(node => (observation.Code, Node: node, observation.First)))
            .ToLookup(each => (each.Code, each.Node), each => each.First);
    }

    public IEnumerable<Observation> All => _observations.Values;

    public Observation? OfOpenSlot(string slot) =>
        _observations.TryGetValue((Observation.OpenSlot, slot), out var observation) ? observation : null;

    /// <summary>When the problem was first observed; if it concerns several slots or nodes, when it was first observed of any.</summary>
    public DateTime? FirstSeen(string code, string target)
    {
        if (_observations.TryGetValue((code, target), out var same))
            return same.First;
        if (!SlotSet.TryParse(target, out var slots))
            return target.Split(',').SelectMany(node => _ofNodes[(code, node)]).Select(first => (DateTime?)first).Min();
        var overlapping = _ofManySlots[code].Where(pair => Overlap(pair.Slots, slots!)).ToList();
        return overlapping.Count == 0 ? null : overlapping.Min(pair => pair.Observation.First);
    }

    /// <summary>The last observation of exactly this; null if there is none.</summary>
    public Observation? Last(string code, string target) => _observations.TryGetValue((code, target), out var same) ? same : null;

    /// <summary>Adds to an open slot since when it has been open, its last progress, and its rate.</summary>
    public RedisOpenSlot Annotate(RedisOpenSlot open)
    {
        if (OfOpenSlot(Observation.TargetOf(open)) is not { } before)
            return open;
        var showsInKeys = Observation.ProgressShowsInKeys(open.State);
        var moved = before.KeysLeft - open.KeysOnSource;
        var seconds = (open.ObservedAt - before.Last).TotalSeconds;
        var rate = open.KeysPerSecond ?? (moved > 0 && seconds > 0 && showsInKeys ? moved.Value / seconds : null);
        return open with
        {
            Since = open.Since is { } since && since < before.First ? since : before.First,
            LastProgress = moved is not (null or 0) && showsInKeys ? open.ObservedAt : new[] { open.LastProgress, before.Changed }.Max(),
            KeysPerSecond = rate,
            TimeLeft = open.TimeLeft ?? open.TimeLeftAt(rate),
        };
    }

    private static SlotSet SlotsOf(Observation observation) => SlotSet.TryParse(observation.Target, out var slots) ? slots! : SlotSet.Empty;

    private static bool Overlap(SlotSet one, SlotSet other) =>
        one.Ranges.Any(range => other.Ranges.Any(second => second.First <= range.Last && range.First <= second.Last));

    private static Observation NotAfter(Observation observation, DateTime now) => observation with
    {
        First = Earlier(observation.First, now),
        Last = Earlier(observation.Last, now),
        Changed = observation.Changed is { } changed ? Earlier(changed, now) : null,
    };

    // Two observations of one problem: the earlier one has its beginning, the later one its present state.
    private static Observation Merged(Observation one, Observation other)
    {
        var (early, late) = one.Last <= other.Last ? (one, other) : (other, one);
        var changed = Observation.HasProgressed(early, late) ? late.Last : (DateTime?)null;
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
