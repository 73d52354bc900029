using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// A cmdlet that changes many slots. It writes one object for all slots with the same source, target, outcome and reason, as soon as the
/// slots of that pair of masters are settled.
/// </summary>
public abstract class ManySlotsCmdlet : KeyMovingCmdlet
{
    /// <summary>Writes an object for each slot, as soon as the slot is settled.</summary>
    [Parameter]
    public virtual SwitchParameter PerSlot { get; set; }

    /// <summary>Plans several slots, asks once for each pair of nodes, and carries out the agreed plans in order.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="plans">The plans.</param>
    /// <param name="operation">The operation, for a result that says that there is nothing to do.</param>
    /// <param name="nothing">Why there is nothing to do, if there are no plans.</param>
    internal void Operate(RedisCluster cluster, IReadOnlyList<SlotPlan> plans, string operation, string nothing)
    {
        if (plans.Count == 0)
        {
            WriteNothingToDo(operation, nothing);
            return;
        }

        var agreed = plans.Where(HasWork).GroupBy(PairOf).Where(pair => Consent(pair.ToList())).SelectMany(pair => pair).ToList();
        Await(cluster.RecordPlansAsync(agreed, Stop), "Announcing the run");
        var slots = new HashSet<int>(agreed.Select(plan => plan.Slot));
        var carriedOut = plans.Where(plan => !HasWork(plan) || slots.Contains(plan.Slot)).ToList();
        var results = new SlotResults(carriedOut.GroupBy(PairOf).Select(pair => pair.Select(plan => plan.Slot)));
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
                Write(results, [outcome], now());
            }
        });
        if (unchanged > 0)
            WriteWarning(TimeOver(results, agreed.Count, unchanged));
    }

    /// <summary>Carries out a run, and writes its results.</summary>
    /// <param name="run">The run.</param>
    /// <param name="parts">Its slots, in parts whose results are settled together.</param>
    internal void CarryOut(SlotMoveRun run, IEnumerable<IEnumerable<int>> parts)
    {
        var results = new SlotResults(parts);
        var progress = NewProgress("Moving slots");
        CarryOut(results, progress, now => Follow(run, results, progress, now));
    }

    /// <summary>Writes that there is nothing to do, so that a script can tell it from a command that did nothing.</summary>
    internal void WriteNothingToDo(string operation, string reason) => WriteObject(new RedisSlotMoveResult
    {
        Operation = operation,
        Outcome = MigrationOutcome.Skipped,
        Reason = reason,
    }.Of(FindSession()));

    /// <summary>Writes outcomes that are known before a run.</summary>
    internal void Write(IReadOnlyList<SlotOutcome> outcomes)
    {
        var results = new SlotResults([]);
        Write(results, outcomes, TimeSpan.Zero);
        Write(results.Rest());
    }

    private bool IsTimeOver => MoveOptions.Until <= DateTime.UtcNow;

    private void CarryOut(SlotResults results, SlotProgress progress, Action<Func<TimeSpan>> work)
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
        if (results is { CanBeUndone: true, MigrationId: { } id })
            WriteHost("To undo run " + id + ": " + NextActionText.Of(new NextAction(NextActionCode.Undo) { MigrationId = id }));
    }

    private void Follow(SlotMoveRun run, SlotResults results, SlotProgress progress, Func<TimeSpan> now) =>
        Follow(run, progress, outcomes => Write(results, outcomes, now()));

    private void Write(SlotResults results, IReadOnlyList<SlotOutcome> outcomes, TimeSpan now)
    {
        if (PerSlot)
            WriteObject(outcomes.Select(SlotResults.ResultOf), enumerateCollection: true);
        Write(results.Add(outcomes, now));
    }

    // A failure is one error record for all slots of its group.
    private void Write(IEnumerable<SlotResults.Group> groups)
    {
        foreach (var (result, failure) in groups.Select(group => (group.Result, group.Failure)))
        {
            if (!PerSlot)
                WriteObject(result);
            if (failure is not null)
                WriteError(ErrorRecords.From(failure, result.SlotRanges));
        }
    }

    // Shown on the screen like Write-Host, and no output.
    private void WriteHost(string text) =>
        WriteInformation(new HostInformationMessage { Message = text }, ["PSHOST"]);

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
}
