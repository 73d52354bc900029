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
    private readonly List<(int Slot, string? Source, string? Target)> _collected = [];
    private RedisClusterSession? _collectedOf;

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

    /// <summary>Collects slots of the pipeline, so that all of them are operated on together after the last record.</summary>
    internal void Collect(IEnumerable<int> slots, string? source, string? target)
    {
        var session = GetSession();
        if (!Equals(session, _collectedOf))
            OperateOnCollected();
        _collectedOf = session;
        var known = new HashSet<int>(_collected.Select(slot => slot.Slot));
        _collected.AddRange(slots.Where(known.Add).Select(slot => (slot, source, target)));
        if (!MyInvocation.ExpectingInput)
            OperateOnCollected();
    }

    /// <summary>Operates on collected slots of one cluster.</summary>
    internal virtual void Operate(RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots)
    {
    }

    internal override void Finish() => OperateOnCollected();

    private void OperateOnCollected()
    {
        var slots = _collected.ToList();
        _collected.Clear();
        if (slots.Count > 0)
            Operate(Open(_collectedOf!), slots);
    }

    /// <summary>
    /// Plans many slots at once, asks once for each pair of nodes, and carries out the agreed plans together. A failure of a slot is an
    /// error record and a result, as for one slot.
    /// </summary>
    internal void OperateTogether(RedisCluster cluster, Task<IReadOnlyList<SlotPlan>> planning)
    {
        var plans = Await(planning, "Reading the cluster");
        var agreed = plans.Where(HasWork).GroupBy(PairOf).Where(pair => Consent(pair.ToList())).SelectMany(pair => pair).ToList();
        Await(cluster.RecordPlansAsync(agreed, Stop), "Announcing the run");
        var slots = new HashSet<int>(agreed.Select(plan => plan.Slot));
        var carriedOut = plans.Where(plan => !HasWork(plan) || slots.Contains(plan.Slot)).ToList();
        var (progress, count) = (NewProgress((agreed.Count == 0 ? string.Empty : agreed[0].Operation) + ": slots"), 0);
        try
        {
            foreach (var group in RedisCluster.GroupPlans(carriedOut))
            {
                progress.SetSlots(count, agreed.Count);
                count += group.Count(plan => slots.Contains(plan.Slot));
                if (group.Count == 1)
                {
                    CarryOut(cluster, group[0], progress);
                    continue;
                }

                Follow(Await(cluster.RunTogetherAsync(group, Stop), "Reading the cluster"), progress, outcomes =>
                {
                    foreach (var outcome in outcomes)
                        Write(cluster, outcome);
                });
            }
        }
        finally
        {
            End(progress);
        }
    }

    /// <summary>Takes the outcomes of a run as they arrive.</summary>
    internal void Follow(SlotMoveRun run, SlotProgress progress, Action<IReadOnlyList<SlotOutcome>> write)
    {
        var step = run.NextAsync();
        try
        {
            for (; Await(step, progress) is { } outcomes; step = run.NextAsync())
                write(outcomes);
        }
        catch (Exception)
        {
            StopAndWait(run, step);
            throw;
        }

        if (run.EndedEarly is not { } early)
            return;
        if (Stop.IsCancellationRequested)
            ReportStop(early);
        else
            WriteWarning(ErrorRecords.TextOf(early));
    }

    internal static bool HasWork(SlotPlan plan) => !plan.IsDone && plan.Refusal is null;

    internal static (MigrationOperation, string, string) PairOf(SlotPlan plan) => (plan.Kind, plan.SourceId, plan.TargetId);

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

    /// <summary>Writes the result of a slot.</summary>
    internal virtual void Write(RedisCluster cluster, RedisSlotMigrationResult result) => WriteObject(result);

    private void CarryOut(RedisCluster cluster, SlotPlan plan, SlotProgress progress) =>
        Write(cluster, Await(cluster.CarryOutAsync(plan, Stop), progress));

    private void Write(RedisCluster cluster, SlotOutcome outcome)
    {
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
