using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Reflection;

namespace RedisClusterOps;

/// <summary>
/// A cmdlet that moves many slots with all their keys. It plans first, asks for consent to each pair of masters, then moves all agreed
/// pairs concurrently.
/// </summary>
public abstract class BulkMoveCmdlet : ManySlotsCmdlet
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

    /// <summary>
    /// Specifies when the run has to end: a time, a time of day such as 05:30, or the duration until then, such as 2h. After that it begins
    /// with no further slot, and finishes those that are open. <c>Resume-RedisMigration</c> moves the rest. By default, all slots move.
    /// </summary>
    [Parameter]
    [Until]
    public virtual DateTime? Until { get; set; }

    internal override MoveOptions MoveOptions =>
        base.MoveOptions with { Method = Method, MaxParallel = MaxParallel, Until = Until };

    private bool _yesToAll;
    private bool _noToAll;

    /// <summary>Checks a plan, asks once for each pair of masters, and moves the slots of the agreed pairs.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="nothing">Why a plan has no moves, if it resumes or undoes a run.</param>
    internal void MoveSlots(RedisCluster cluster, RedisRebalancePlan plan, string? nothing = null)
    {
        var settled = RedisCluster.SettledBy(plan);
        WriteSettled(settled);
        if (plan.Moves.Count == 0)
        {
            WriteNotices(MoveText.Notices(plan));
            if (settled.Count == 0)
                WriteNothingToDo(plan.Operation, nothing ?? MoveText.NothingToMove(plan.Operation));
            return;
        }

        var options = MoveOptions;
        var check = Await(cluster.CheckMovesAsync(plan, options, Stop), "Checking the nodes");
        WriteNotices(MoveText.Notices(check));
        var agreed = check.Moves.Where(Consent).ToList();
        if (agreed.Count == 0)
            return;
        var run = Await(cluster.RunMovesAsync(check, agreed, options, Stop), "Reading the cluster");
        CarryOut(run, agreed.Select(move => SlotRange.ParseSlots(move.SlotRanges)));

        bool Consent(RedisSlotMove move) => ShouldProcess(
                "Performing the operation \"" + MoveText.Action(check, move) + "\" on target \"" + MoveText.Slots(move, all: true) + "\"."
                    + PlanText.Commands(move),
                "Perform the operation \"" + MoveText.Action(check, move) + "\" on target \"" + MoveText.Slots(move, all: false) + "\"?"
                    + MoveText.Becomes(check, move),
                "Confirm")
            && (MoveText.Becomes(check, move).Length == 0 || ConsentToReplica(MoveText.Becomes(check, move)));
    }

    // Emptying a master has the impact High, also if the cmdlet has a lower one and has not asked.
    private bool ConsentToReplica(string becomes)
    {
        var impact = GetType().GetCustomAttribute<CmdletAttribute>().ConfirmImpact;
        var isBound = MyInvocation.BoundParameters.TryGetValue("Confirm", out var confirm);
        var least = GetVariableValue("ConfirmPreference") is { } preference ? LanguagePrimitives.ConvertTo<ConfirmImpact>(preference)
            : ConfirmImpact.High;
        if (isBound || least == ConfirmImpact.None || least <= impact)
            return true;
        return ShouldContinue(becomes.Trim() + Environment.NewLine + "-KeepEmptyMaster keeps it a master. Continue without it?", "Confirm",
            ref _yesToAll, ref _noToAll);
    }

    /// <summary>The texts that -WhatIf and -Confirm show for a bulk move.</summary>
    private static class MoveText
    {
        /// <summary>Why a plan has no moves.</summary>
        public static string NothingToMove(string operation) => operation switch
        {
            nameof(MigrationOperation.Rebalance) => "Nothing to move: every master is within the threshold of its share.",
            _ => "Nothing to move: the target already owns these slots.",
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
            var ranges = move.SlotRanges.Split(',');
            var shown = all ? ranges.Length : ShownRanges;
            return (move.SlotCount == 1 ? "slot " : "slots ")
                + string.Join(",", ranges.Take(shown))
                + (ranges.Length > shown ? ",…" : string.Empty);
        }

        /// <summary>What becomes of a source that loses its last slot, in a line of its own; empty for any other move.</summary>
        public static string Becomes(RedisRebalancePlan plan, RedisSlotMove move) => string.Concat(plan.Findings
            .Where(finding => finding.Code == PlanFindingCode.SourceBecomesReplica && finding.Target == move.Source)
            .Take(1).Select(finding => Environment.NewLine + "  " + finding.Message));

        /// <summary>The findings of a plan, each as a warning or as information.</summary>
        public static IEnumerable<(bool IsWarning, string Text)> Notices(RedisRebalancePlan plan) =>
            plan.Findings.Select(PlanText.Notice).Distinct();
    }
}
