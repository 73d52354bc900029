using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Threading.Tasks;

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

    /// <summary>Plans collected slots of one cluster. A slot that can't be planned has a plan with a refusal.</summary>
    internal virtual Task<IReadOnlyList<SlotPlan>> PlanAsync(
        RedisCluster cluster, IReadOnlyList<(int Slot, string? Source, string? Target)> slots) =>
        throw new NotSupportedException(GetType().Name + " collects no slots.");

    internal override void Finish() => OperateOnCollected();

    private void OperateOnCollected()
    {
        var slots = _collected.ToList();
        _collected.Clear();
        if (slots.Count == 0)
            return;
        var cluster = Open(_collectedOf!);
        CarryOut(cluster, Await(PlanAsync(cluster, slots), "Reading the cluster"));
    }

    /// <summary>
    /// Asks once for each pair of nodes, and carries out the agreed plans in order. A failure is a result of its slot, and one error record
    /// for all slots with the same cause; it does not end the pipeline.
    /// </summary>
    internal virtual void CarryOut(RedisCluster cluster, IReadOnlyList<SlotPlan> plans)
    {
        var agreed = plans.Where(HasWork).GroupBy(PairOf).Where(pair => Consent(pair.ToList())).SelectMany(pair => pair).ToList();
        Await(cluster.RecordPlansAsync(agreed, Stop), "Announcing the run");
        var slots = new HashSet<int>(agreed.Select(plan => plan.Slot));
        var carriedOut = plans.Where(plan => !HasWork(plan) || slots.Contains(plan.Slot)).ToList();
        var results = new SlotResults(carriedOut.GroupBy(PairOf).Select(pair => pair.SelectMany(plan => plan.Slots)))
        {
            WithoutWayBack = new HashSet<int>(carriedOut.Where(IsOneWay).SelectMany(plan => plan.Slots)),
        };
        var progress = NewProgress(agreed.Count == 0 ? string.Empty : agreed[0].Operation + ": slots");
        var (count, unchanged) = (0, 0);
        // A slot that needs a person's decision is reported at its place in the order, and the other slots are carried out. Slots that can
        // run together all run when the first of them is due.
        CarryOut(results, progress, now =>
        {
            foreach (var group in RedisCluster.GroupPlans(carriedOut))
            {
                if (IsTimeOver && group.Any(plan => slots.Contains(plan.Slot)))
                {
                    unchanged += group.Count;
                    Write(results, [.. group.Select(plan => SkippedOf(plan, results.MigrationId))], now());
                    continue;
                }

                progress.SetSlots(count, agreed.Count);
                count += group.Count(plan => slots.Contains(plan.Slot));
                if (group.Count > 1)
                {
                    Follow(Await(cluster.RunTogetherAsync(group, Stop), "Reading the cluster"), results, progress, now);
                    continue;
                }

                var outcome = Await(cluster.CarryOutAsync(group[0], Stop), progress);
                ReportStop(outcome.Failure);
                Write(results, [.. group[0].Slots.Select(slot => outcome with { Result = outcome.Result with { Slot = slot } })], now());
            }
        });
        if (unchanged > 0)
            WriteWarning(TimeOver(results, agreed.Count, unchanged));
    }

    /// <summary>Carries out work on slots, and writes what is not settled at its end.</summary>
    /// <param name="results">Groups the outcomes.</param>
    /// <param name="progress">The progress, which ends with the work.</param>
    /// <param name="work">The work. Its parameter returns the time since it began.</param>
    internal void CarryOut(SlotResults results, SlotProgress progress, Action<Func<TimeSpan>> work)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            work(() => clock.Elapsed);
        }
        catch (RedisOperationException) when (!Stop.IsCancellationRequested)
        {
            // What ended the run is reported after the results of its slots.
            Write(results.Rest());
            throw;
        }
        finally
        {
            End(progress);
        }

        Write(results.Rest());
        if (ShowsWayBack && results is { CanBeUndone: true, MigrationId: { } id })
            WriteHost("To undo run " + id + ": " + NextActionText.Of(new NextAction(NextActionCode.Undo) { MigrationId = id }));
    }

    /// <summary>Takes the outcomes of a run as they arrive.</summary>
    internal void Follow(SlotMoveRun run, SlotResults results, SlotProgress progress, Func<TimeSpan> now)
    {
        var step = run.NextAsync();
        try
        {
            for (; Await(step, progress) is { } outcomes; step = run.NextAsync())
                Write(results, outcomes, now());
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

    /// <summary>Writes outcomes, and the results and errors that they settle.</summary>
    internal void Write(SlotResults results, IReadOnlyList<SlotOutcome> outcomes, TimeSpan now)
    {
        if (!IsGrouped)
            Write(outcomes);
        Write(results.Add(outcomes, now));
    }

    /// <summary>True to write one result for all slots with the same source, target, outcome and reason; false for one per slot.</summary>
    internal virtual bool IsGrouped => false;

    /// <summary>True to show how the run can be undone.</summary>
    internal virtual bool ShowsWayBack => false;

    /// <summary>Writes a result for each slot.</summary>
    internal virtual void Write(IReadOnlyList<SlotOutcome> outcomes) => WriteEach(outcomes);

    /// <summary>Writes the result of each slot.</summary>
    internal void WriteEach(IReadOnlyList<SlotOutcome> outcomes) =>
        WriteObject(outcomes.Select(NextActionText.ResultOf), enumerateCollection: true);

    // A failure is one error record for all slots of its group.
    internal void Write(IEnumerable<SlotResults.Group> groups)
    {
        foreach (var (result, failure) in groups.Select(group => (group.Result, group.Failure)))
        {
            if (IsGrouped)
                WriteObject(result);
            if (failure is not null)
                WriteError(ErrorRecords.From(failure, result.SlotRanges));
        }
    }

    private static bool HasWork(SlotPlan plan) => !plan.IsDone && plan.Refusal is null;

    private static (MigrationOperation, string, string) PairOf(SlotPlan plan) => (plan.Kind, plan.SourceId, plan.TargetId);

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

    private bool IsTimeOver => MoveOptions.Until <= DateTime.UtcNow;

    private string TimeOver(SlotResults results, int all, int unchanged) => ErrorRecords.TextOf(new RedisOperationException(
        FailureCode.Stopped,
        string.Format(
            CultureInfo.InvariantCulture,
            "The time for the run was over. Of {0} slots {1} are done, {2} unchanged. No key is lost.",
            all,
            results.Done,
            unchanged),
        next: new NextAction(NextActionCode.Resume) { MigrationId = results.MigrationId, JournalPath = JournalPath }));

    private static SlotOutcome SkippedOf(SlotPlan plan, string? migrationId) => new(
        new RedisSlotMigrationResult
        {
            Slot = plan.Slot,
            Operation = plan.Operation,
            Outcome = MigrationOutcome.Skipped,
            Source = plan.Source.Length == 0 ? null : plan.Source,
            SourceId = plan.SourceId.Length == 0 ? null : plan.SourceId,
            Target = plan.Target.Length == 0 ? null : plan.Target,
            TargetId = plan.TargetId.Length == 0 ? null : plan.TargetId,
            Method = nameof(MoveMethod.KeyByKey),
            Reason = "The time to start it was over.",
            MigrationId = migrationId,
        }.Of(plan.Cluster),
        null);

    // A source that is sent nothing is dead or has no slot to take back. A partial plan does not show every command.
    private static bool IsOneWay(SlotPlan plan) => !plan.IsPartial && plan.Commands.All(command => command.Node != plan.Source);
}
