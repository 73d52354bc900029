using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading.Tasks;
using RedisClusterOps.Completion;

namespace RedisClusterOps;

/// <summary>
/// A cmdlet that changes slots. It plans first, asks for consent, carries out the plan, and writes an object for each slot.
/// </summary>
public abstract class SlotOperationCmdlet : RedisClusterCmdlet
{
    /// <summary>
    /// Specifies the folder of the journal, which records each run, its progress, and data that must not be lost, such as the overwritten
    /// value of a key conflict. The default is the folder in the environment variable REDISCLUSTEROPS_JOURNAL, otherwise the user's data
    /// folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    /// <summary>The options for the core.</summary>
    internal virtual MoveOptions MoveOptions => new() { JournalPath = FilePath(JournalPath) };

    /// <summary>
    /// Plans one slot, asks for consent, and carries out the plan. A failure that concerns only this slot is an error record and a result;
    /// it does not end the pipeline.
    /// </summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="refused">The result to complete and write if the slot can't be planned.</param>
    /// <param name="planning">The planning step.</param>
    internal void Operate(RedisCluster cluster, RedisSlotMigrationResult refused, Task<SlotPlan> planning)
    {
        SlotPlan plan;
        try
        {
            plan = Await(planning, "Reading the cluster");
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            var reason = ErrorRecords.TextOf(failure);
            Fail(cluster, failure, (refused with { Outcome = MigrationOutcome.Failed, Reason = reason }).Of(FindSession()));
            return;
        }

        if (plan.IsDone || Consent([plan]))
        {
            var progress = NewProgress(plan.Operation + ": slots");
            try
            {
                CarryOut(cluster, plan, progress);
            }
            finally
            {
                End(progress);
            }
        }
    }

    /// <summary>Plans several slots, asks once for each pair of nodes, and carries out the agreed plans in order.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="planning">The planning step.</param>
    /// <param name="operation">The operation, for a result that says that there is nothing to do.</param>
    internal void Operate(RedisCluster cluster, Task<IReadOnlyList<SlotPlan>> planning, string operation)
    {
        var plans = Await(planning, "Reading the cluster");
        if (plans.Count == 0)
        {
            WriteNothingToDo(operation, "Nothing to do: no slot is open, disputed or without an owner, and no keys are astray.");
            return;
        }

        var agreed = plans.Where(HasWork)
            .GroupBy(plan => (plan.Kind, plan.SourceId, plan.TargetId))
            .Where(pair => Consent(pair.ToList()))
            .SelectMany(pair => pair).ToList();
        Await(cluster.RecordPlansAsync(agreed, Stop), "Announcing the run");
        var slots = new HashSet<int>(agreed.Select(plan => plan.Slot));
        var progress = NewProgress(agreed.Count == 0 ? string.Empty : agreed[0].Operation + ": slots");
        var count = 0;
        // A slot that needs a person's decision is reported at its place in the order, and the other slots are carried out. Slots that can
        // run together all run when the first of them is due.
        try
        {
            foreach (var group in RedisCluster.GroupPlans(plans.Where(plan => !HasWork(plan) || slots.Contains(plan.Slot)).ToList()))
            {
                progress.SetSlots(count, agreed.Count);
                count += group.Count(plan => slots.Contains(plan.Slot));
                if (group.Count == 1)
                    CarryOut(cluster, group[0], progress);
                else
                    CarryOut(Await(cluster.RunTogetherAsync(group, Stop), "Reading the cluster"));
            }
        }
        finally
        {
            End(progress);
        }
    }

    /// <summary>Writes that there is nothing to do, so that a script can tell it from a command that did nothing.</summary>
    internal void WriteNothingToDo(string operation, string reason)
    {
        var result = new RedisSlotMoveResult { Operation = operation, Outcome = MigrationOutcome.Skipped, Reason = reason };
        WriteObject(result.Of(FindSession()));
    }

    /// <summary>Writes the outcomes of a run as they arrive.</summary>
    internal void CarryOut(SlotMoveRun run)
    {
        var progress = NewProgress("Moving slots");
        try
        {
            var reported = false;
            while (Await(run.NextAsync(), progress) is IReadOnlyList<SlotOutcome> outcomes)
            {
                // All stopped slots of a run have the same text.
                if (!reported && outcomes.FirstOrDefault(outcome => outcome.Failure is { Code: FailureCode.Stopped }) is { } stopped)
                {
                    ReportStop(stopped.Failure!);
                    reported = true;
                }

                WriteOutcomes(outcomes);
            }

            End(progress);
        }
        catch (Exception)
        {
            StopAndWait(run);
            throw;
        }
    }

    /// <summary>Writes each outcome as a result, and a failure as an error record, too.</summary>
    internal void WriteOutcomes(IReadOnlyList<SlotOutcome> outcomes)
    {
        foreach (var outcome in outcomes)
        {
            WriteObject(NextActionText.ResultOf(outcome));
            if (outcome.Failure is { } failure)
                WriteError(ErrorRecords.From(failure, outcome.Result.Slot));
        }
    }

    /// <summary>
    /// Shows plans of one pair of nodes and asks for consent. The commands are part of the text of -WhatIf and -Confirm, so that a preview
    /// shows what would be sent to which node.
    /// </summary>
    /// <param name="plans">The plans.</param>
    /// <param name="action">The action in short; null to derive it from the plans.</param>
    internal bool Consent(IReadOnlyList<SlotPlan> plans, string? action = null)
    {
        WriteNotices(PlanText.Notices(plans));
        action ??= PlanText.Action(plans);
        var target = PlanText.Slots(plans);
        return ShouldProcess(
            "Performing the operation \"" + action + "\" on target \"" + target + "\"." + PlanText.InFull(plans),
            "Perform the operation \"" + action + "\" on target \"" + target + "\"?" + PlanText.InShort(plans),
            "Confirm");
    }

    /// <summary>Writes each notice to the warning stream or the verbose stream.</summary>
    internal void WriteNotices(IEnumerable<(bool IsWarning, string Text)> notices)
    {
        foreach (var (isWarning, text) in notices)
        {
            if (isWarning)
                WriteWarning(text);
            else
                WriteVerbose(text);
        }
    }

    /// <summary>Writes the result of a slot.</summary>
    internal virtual void Write(RedisCluster cluster, RedisSlotMigrationResult result) => WriteObject(result);

    private void CarryOut(RedisCluster cluster, SlotPlan plan, SlotProgress progress)
    {
        var outcome = Await(cluster.CarryOutAsync(plan, Stop), progress);
        if (outcome.Failure is null)
            Write(cluster, outcome.Result);
        else
            Fail(cluster, outcome.Failure, NextActionText.ResultOf(outcome));
    }

    private void Fail(RedisCluster cluster, RedisOperationException failure, RedisSlotMigrationResult result)
    {
        ReportStop(failure);
        Write(cluster, result);
        WriteError(ErrorRecords.From(failure, result.Slot));
    }

    private static bool HasWork(SlotPlan plan) => !plan.IsDone && plan.Refusal is null;
}

/// <summary>A cmdlet that leaves a slot open with consistent flags, and writes it as <c>Get-RedisOpenSlot</c> does.</summary>
public abstract class SlotOpeningCmdlet : SlotOperationCmdlet
{
    private readonly List<RedisOpenSlot> _opened = [];

    /// <summary>Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[] Slot { get; set; } = [];

    // A failed slot is only an error record: an object would reach the next cmdlet of the pipeline, which moves keys.
    internal sealed override void Write(RedisCluster cluster, RedisSlotMigrationResult result)
    {
        if (result.Outcome != MigrationOutcome.Failed)
            _opened.AddRange(Await(cluster.GetOpenSlotsAsync([result.Slot], Stop), "Reading the cluster"));
    }

    internal sealed override void Finish()
    {
        Close();
        WriteObject(_opened, enumerateCollection: true);
    }
}
