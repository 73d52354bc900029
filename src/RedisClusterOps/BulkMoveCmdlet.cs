using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// A cmdlet that moves many slots with all their keys. It plans first, asks for consent to each pair of masters, then moves all agreed
/// pairs concurrently and writes an object for each slot.
/// </summary>
public abstract class BulkMoveCmdlet : KeyMovingCmdlet
{
    /// <summary>
    /// Specifies how slots move. Atomic: by the servers' own migration. KeyByKey: by MIGRATE. Auto, the default: Atomic for each pair of
    /// masters that supports it, otherwise KeyByKey. The choice is made before the move starts, and the plan shows it.
    /// </summary>
    [Parameter]
    public MoveMethod Method { get; set; }

    /// <summary>
    /// Specifies how many pairs of masters move slots at the same time, 1 to 64. The default, 0, is all pairs, up to 16.
    /// </summary>
    [Parameter]
    [ValidateRange(0, 64)]
    public int MaxParallel { get; set; }

    internal override MoveOptions MoveOptions => base.MoveOptions with { Method = Method, MaxParallel = MaxParallel };

    /// <summary>Checks a plan, asks once for each pair of masters, and moves the slots of the agreed pairs.</summary>
    internal void MoveSlots(RedisCluster cluster, RedisRebalancePlan plan)
    {
        foreach (var outcome in RedisCluster.SettledBy(plan))
        {
            WriteObject(NextActionText.ResultOf(outcome));
            if (outcome.Failure is { } failure)
                WriteError(ErrorRecords.From(failure, outcome.Result.Slot));
        }

        if (plan.Moves.Count == 0)
        {
            WriteNotices(MoveText.Notices(plan));
            WriteNothingToDo(plan.Operation, MoveText.NothingToMove(plan.Operation));
            return;
        }

        var options = MoveOptions;
        var check = Await(cluster.CheckMovesAsync(plan, options, Stop), "Checking the nodes");
        WriteNotices(MoveText.Notices(check));
        var agreed = check.Moves.Where(Consent).ToList();
        if (agreed.Count == 0)
            return;
        var run = Await(cluster.RunMovesAsync(check, agreed, options, Stop), "Reading the cluster");
        CarryOut(run);
        if (run.MigrationId is { } id)
            WriteVerbose("To undo it: Undo-RedisSlotMigration -MigrationId " + id);

        bool Consent(RedisSlotMove move) => ShouldProcess(
            "Performing the operation \"" + MoveText.Action(check, move) + "\" on target \"" + MoveText.Slots(move, all: true) + "\".",
            "Perform the operation \"" + MoveText.Action(check, move) + "\" on target \"" + MoveText.Slots(move, all: false) + "\"?",
            "Confirm");
    }

    /// <summary>The texts that -WhatIf and -Confirm show for a bulk move.</summary>
    private static class MoveText
    {
        /// <summary>Why a plan has no moves.</summary>
        public static string NothingToMove(string operation) => operation switch
        {
            nameof(MigrationOperation.Rebalance) => "Nothing to move: every master is within the threshold of its share.",
            nameof(MigrationOperation.Move) => "Nothing to move: the target already owns these slots.",
            _ => "Nothing to move: no slot of the run is left.",
        };

        // A prompt that scrolls off the screen is answered unread. -WhatIf shows all ranges.
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
            move.Method == "Atomic" ? "by the servers themselves" : "key by key");

        /// <summary>Such as <c>slots 0-1364,5461</c>.</summary>
        /// <param name="move">The move.</param>
        /// <param name="all">False to show only the first few ranges.</param>
        public static string Slots(RedisSlotMove move, bool all)
        {
            var shown = all ? move.SlotRanges.Count : ShownRanges;
            return (move.SlotCount == 1 ? "slot " : "slots ")
                + string.Join(",", move.SlotRanges.Take(shown))
                + (move.SlotRanges.Count > shown ? ",…" : string.Empty);
        }

        /// <summary>The findings of a plan, each as a warning or as information.</summary>
        public static IEnumerable<(bool IsWarning, string Text)> Notices(RedisRebalancePlan plan) =>
            plan.Findings.Select(PlanText.Notice).Distinct();
    }
}
