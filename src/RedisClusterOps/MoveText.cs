using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps;

/// <summary>Moves of whole slots as -WhatIf and -Confirm show them.</summary>
internal static class MoveText
{
    // A prompt that scrolls off the screen is answered unread. A rehearsal shows all.
    private const int ShownRanges = 8;

    /// <summary>Such as <c>rebalance: move 1365 slots with 83407 keys from A to B, by the servers themselves</c>.</summary>
    public static string Action(RedisRebalancePlan plan, RedisSlotMove move) => string.Format(
        CultureInfo.InvariantCulture,
        "{0}: move {1} {2}{3} from {4} to {5}, {6}",
        plan.Operation.ToLowerInvariant(),
        move.SlotCount,
        move.SlotCount == 1 ? "slot" : "slots",
        move.EstimatedKeys is { } keys ? " with " + PlanText.Keys(keys) : string.Empty,
        move.Source,
        move.Target,
        move.DecidedMethod == MoveMethod.Atomic ? "by the servers themselves" : "key by key");

    /// <summary>Such as <c>slots 0-1364,5461</c>.</summary>
    /// <param name="all">False to leave out all ranges but the first few.</param>
    public static string Slots(RedisSlotMove move, bool all)
    {
        var shown = all ? move.SlotRanges.Count : ShownRanges;
        return (move.SlotCount == 1 ? "slot " : "slots ") + string.Join(",", move.SlotRanges.Take(shown)) + (move.SlotRanges.Count > shown ? ",…" : string.Empty);
    }

    /// <summary>What to know before it runs, what is only told and what is a warning.</summary>
    public static IEnumerable<(bool IsWarning, string Text)> Notices(RedisRebalancePlan plan) => plan.Findings
        .Select(finding => (finding.Severity != FindingSeverity.Information, finding.Message + (finding.Advice is null ? string.Empty : " Next: " + finding.Advice)))
        .Distinct();
}
