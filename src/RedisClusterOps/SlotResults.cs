using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;

namespace RedisClusterOps;

/// <summary>Groups the outcomes of slots by source, target, outcome and reason, so that thousands of slots are a few results.</summary>
/// <param name="parts">The slots of the run, in parts whose results are settled together, such as those of a pair of masters.</param>
internal sealed class SlotResults(IEnumerable<IEnumerable<int>> parts)
{
    private readonly List<Part> _parts = [.. parts.Select(part => new Part([.. part]))];
    private readonly List<Arrived> _others = [];

    /// <summary>Id of the run; null if it has no journal.</summary>
    public string? MigrationId { get; private set; }

    /// <summary>The number of slots without a failure that were not skipped.</summary>
    public int Done { get; private set; }

    /// <summary>Slots whose former owner takes no part, as a dead one: there is no way back to it.</summary>
    public ISet<int> WithoutWayBack { get; init; } = new HashSet<int>();

    /// <summary>True if the run has changed the owner of a slot that can return to the former one, so that it can be undone.</summary>
    public bool CanBeUndone { get; private set; }

    /// <summary>Adds outcomes.</summary>
    /// <param name="outcomes">The outcomes.</param>
    /// <param name="now">The time since the run began.</param>
    /// <returns>The results of each part that is settled now.</returns>
    public IEnumerable<Group> Add(IReadOnlyList<SlotOutcome> outcomes, TimeSpan now)
    {
        foreach (var outcome in outcomes)
        {
            var result = outcome.Result;
            MigrationId ??= result.MigrationId;
            var isDone = outcome.Failure is null && result.Outcome is not (MigrationOutcome.Skipped or MigrationOutcome.Failed);
            Done += isDone ? 1 : 0;
            CanBeUndone |= isDone && result.SourceId is not null && result.SourceId != result.TargetId
                && !WithoutWayBack.Contains(result.Slot);
            var part = _parts.FirstOrDefault(each => each.Left.Contains(result.Slot));
            (part?.Outcomes ?? _others).Add(new Arrived(outcome, now));
            part?.Left.Remove(result.Slot);
        }

        return Take(part => part.Left.Count == 0);
    }

    /// <summary>The results of the parts that are not settled, when the run has ended.</summary>
    public IEnumerable<Group> Rest() => Take(_ => true).Concat(GroupsOf(_others));

    /// <summary>The result of one slot.</summary>
    public static RedisSlotMoveResult ResultOf(SlotOutcome outcome) =>
        Result([new Arrived(outcome, TimeSpan.Zero)], NextActionText.ResultOf(outcome).Reason) with { Elapsed = outcome.Result.Elapsed };

    private List<Group> Take(Func<Part, bool> isSettled)
    {
        var settled = _parts.Where(isSettled).ToList();
        _parts.RemoveAll(settled.Contains);
        return settled.SelectMany(part => GroupsOf(part.Outcomes)).ToList();
    }

    private static List<Group> GroupsOf(IReadOnlyList<Arrived> outcomes)
    {
        var causeOf = SlotFailures.CausesOf(outcomes.Select(each => each.Outcome.Failure).OfType<RedisOperationException>());
        return outcomes.GroupBy(KeyOf).Select(group => GroupOf([.. group])).ToList();

        (string?, string?, MigrationOutcome, string, string, string) KeyOf(Arrived arrived)
        {
            var (result, failure) = (arrived.Outcome.Result, arrived.Outcome.Failure);
            // Remarks of successes, which call for no action, differ in counts.
            var cause = failure is not null ? causeOf(result.Slot, failure)
                : result.Reason is { } remark ? Regex.Replace(remark, @"\d+", "#") : string.Empty;
            return (result.SourceId, result.TargetId, result.Outcome, result.Method, result.Operation, cause);
        }
    }

    private static Group GroupOf(IReadOnlyList<Arrived> outcomes)
    {
        var first = outcomes.OrderBy(each => each.Outcome.Result.Slot).First().Outcome;
        if (first.Failure is null)
            return new Group(Result(outcomes, RemarkOf(outcomes, first.Result.Reason)), null);
        var failure = SlotFailures.OfAll([.. outcomes.Select(each => (each.Outcome.Result.Slot, each.Outcome.Failure!))]);
        return new Group(Result(outcomes, ErrorRecords.TextOf(failure)), failure);
    }

    private static RedisSlotMoveResult Result(IReadOnlyList<Arrived> outcomes, string? reason)
    {
        var first = outcomes[0].Outcome.Result;
        return new RedisSlotMoveResult
        {
            Operation = first.Operation,
            Source = first.Source,
            SourceId = first.SourceId,
            Target = first.Target,
            TargetId = first.TargetId,
            Slot = [.. outcomes.Select(each => each.Outcome.Result.Slot).Distinct().OrderBy(slot => slot)],
            KeysMoved = outcomes.Sum(each => each.Outcome.Result.KeysMoved),
            KeysConflicting = outcomes.Sum(each => each.Outcome.Result.KeysConflicting),
            Outcome = first.Outcome,
            Method = first.Method,
            // From the beginning of the first slot to the end of the last.
            Elapsed = outcomes.Max(each => each.At) - outcomes.Min(each => each.At - each.Outcome.Result.Elapsed),
            Reason = reason,
            MigrationId = first.MigrationId,
        }.Of(((IClusterResult)first).Cluster);
    }

    private static string? RemarkOf(IReadOnlyList<Arrived> outcomes, string? first)
    {
        var others = outcomes.Count(each => each.Outcome.Result.Reason != first);
        return others == 0 ? first : first + " Similar: " + Count(others, "other slot") + "; -PerSlot shows each.";
    }

    private static string Count(int count, string noun) =>
        count.ToString(CultureInfo.InvariantCulture) + " " + noun + (count == 1 ? string.Empty : "s");

    /// <summary>Slots with one result.</summary>
    /// <param name="Result">The result.</param>
    /// <param name="Failure">The failure of all its slots; null if there was none.</param>
    internal sealed record Group(RedisSlotMoveResult Result, RedisOperationException? Failure);

    private sealed record Arrived(SlotOutcome Outcome, TimeSpan At);

    private sealed class Part(HashSet<int> slots)
    {
        public HashSet<int> Left => slots;

        public List<Arrived> Outcomes { get; } = [];
    }
}
