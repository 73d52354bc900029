using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading.Tasks;

namespace RedisClusterOps;

/// <summary>A cmdlet that changes slots: a plan first, then consent to it, then the plan carried out, and an object for each slot.</summary>
public abstract class SlotOperationCmdlet : RedisClusterCmdlet
{
    /// <summary>
    /// Folder of the journal: what ran and how far it came, and what must not be lost, such as the losing value of a conflict. Unless
    /// told, the one that the variable REDISCLUSTEROPS_JOURNAL names, else the user's own data folder.
    /// </summary>
    [Parameter]
    public string? JournalPath { get; set; }

    /// <summary>How it is done, as the core takes it.</summary>
    internal virtual MoveOptions MoveOptions => new() { JournalPath = JournalPath is null ? null : GetUnresolvedProviderPathFromPSPath(JournalPath) };

    /// <summary>Plans one slot, asks, and does it. What is wrong with the slot alone is an error and a result, and does not end the pipeline.</summary>
    /// <param name="refused">What is known of the slot where it can't even be planned.</param>
    internal void Operate(RedisCluster cluster, RedisSlotMigrationResult refused, Task<SlotPlan> planning)
    {
        SlotPlan plan;
        try
        {
            plan = Await(planning, "Reading the cluster");
        }
        catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
        {
            Fail(cluster, failure, refused with { Outcome = MigrationOutcome.Failed, Reason = ErrorRecords.TextOf(failure), Cluster = FindSession() });
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

    /// <summary>Plans several slots, asks once for each pair of nodes, and does what was agreed to, slot by slot.</summary>
    internal void Operate(RedisCluster cluster, Task<IReadOnlyList<SlotPlan>> planning)
    {
        var plans = Await(planning, "Reading the cluster");
        var agreed = plans.Where(HasWork)
            .GroupBy(plan => (plan.Kind, plan.SourceId, plan.TargetId))
            .Where(pair => Consent(pair.ToList()))
            .SelectMany(pair => pair).ToList();
        cluster.Announce(agreed);
        var slots = new HashSet<int>(agreed.Select(plan => plan.Slot));
        var progress = NewProgress(agreed.Count == 0 ? string.Empty : agreed[0].Operation + ": slots");
        var count = 0;
        // A slot that needs a person's decision is told in its place, and the others are done. Those that go together do so when the first of them would.
        try
        {
            foreach (var group in RedisCluster.GroupPlans(plans.Where(plan => !HasWork(plan) || slots.Contains(plan.Slot)).ToList()))
            {
                progress.Count(count, agreed.Count);
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

    /// <summary>Writes what becomes of the slots of a run, as it becomes.</summary>
    internal void CarryOut(SlotMoveRun run)
    {
        var progress = NewProgress("Moving slots");
        try
        {
            var told = false;
            while (Await(run.NextAsync(), progress) is IReadOnlyList<SlotOutcome> outcomes)
            {
                foreach (var outcome in outcomes)
                {
                    // What a stop has left is the same for all.
                    if (!told && outcome.Failure is { Code: FailureCode.Stopped } stopped)
                        TellOfStop(stopped);
                    told |= outcome.Failure is { Code: FailureCode.Stopped };
                    WriteObject(NextActionText.ResultOf(outcome));
                    if (outcome.Failure is { } failure)
                        WriteError(ErrorRecords.From(failure, outcome.Result.Slot));
                }
            }

            End(progress);
        }
        catch (Exception)
        {
            WindDown(run);
            throw;
        }
    }

    /// <summary>
    /// Shows plans of one pair of nodes and asks for consent. The commands are part of the text that -WhatIf and -Confirm show: who
    /// rehearses wants to see what would be sent, and where to.
    /// </summary>
    /// <param name="action">What would be done, in short; null for what the plans say.</param>
    internal bool Consent(IReadOnlyList<SlotPlan> plans, string? action = null)
    {
        foreach (var (isWarning, text) in PlanText.Notices(plans))
        {
            if (isWarning)
                WriteWarning(text);
            else
                WriteVerbose(text);
        }

        action ??= PlanText.Action(plans);
        var target = PlanText.Slots(plans);
        return ShouldProcess(
            "Performing the operation \"" + action + "\" on target \"" + target + "\"." + PlanText.InFull(plans),
            "Perform the operation \"" + action + "\" on target \"" + target + "\"?" + PlanText.InShort(plans),
            "Confirm");
    }

    /// <summary>Writes what became of a slot.</summary>
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
        TellOfStop(failure);
        Write(cluster, result);
        WriteError(ErrorRecords.From(failure, result.Slot));
    }

    private static bool HasWork(SlotPlan plan) => !plan.IsDone && plan.Refusal is null;
}
