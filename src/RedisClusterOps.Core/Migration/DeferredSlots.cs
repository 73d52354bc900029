using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;

namespace RedisClusterOps.Migration;

/// <summary>
/// Moves the deferred slots of a bulk move individually, with every check: slots with a surprise, and those that an interrupted run left
/// half done.
/// </summary>
/// <param name="stop">Ends what is in progress.</param>
/// <param name="stopping">The run's token.</param>
internal sealed class DeferredSlots(
    MoveContext context, SituationReader situations, BulkMove move, BulkMoveResults results, StopRequest stop, CancellationToken stopping)
{
    /// <summary>Called before each slot.</summary>
    public Action? Begins { get; init; }

    /// <param name="pair">The pair.</param>
    /// <param name="failure">Why no more can be moved between its masters; null if it can.</param>
    public async Task MoveAsync(MasterPair pair, RedisOperationException? failure)
    {
        var left = new Queue<SlotMove>(pair.Slots.Where(slot => slot.IsDeferred));
        // After a stop no slot is moved individually: reading its state again would take more time.
        while (left.Count > 0 && failure is null && !stopping.IsCancellationRequested)
        {
            if (left.Peek().State == SlotMoveState.Waiting && context.IsTimeOver)
            {
                left.Dequeue();
                continue;
            }

            Begins?.Invoke();
            var outcome = await MoveIndividuallyAsync(pair, left.Dequeue()).ConfigureAwait(false);
            results.Report([outcome]);
            context.Count.Slots(1);
            if (outcome.Failure is { } broken && RunResume.Ends(broken))
                failure = broken;
        }

        // A failure of the pair is a failure of each of its slots.
        var ofPair = failure is { Code: not (FailureCode.Stopped or FailureCode.AnotherToolAtWork) } ? failure : null;
        results.Report(left.Select(slot =>
            results.Failed(pair, slot, ofPair is null ? LeftOpen(slot) : results.LeftOpen(pair, [slot], ofPair))));
    }

    private RedisOperationException LeftOpen(SlotMove slot) => results.Stopped(slot, "It is left open: " + slot.DeferReason + ".");

    private async Task<SlotOutcome> MoveIndividuallyAsync(MasterPair pair, SlotMove slot)
    {
        var number = slot.Slot.ToString(CultureInfo.InvariantCulture);
        context.Log?.State(slot.Slot, "Slot " + number + ": moved individually, because " + slot.DeferReason);
        var (reader, started) = (context.Reader, stop.Clock.Now);
        try
        {
            var view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
            var situation = await situations.ReadAsync(view, slot.Slot, stop.Abort).ConfigureAwait(false);
            var plan = move.RequestForSlot(pair, situation).Plan(situation);
            results.RecordIntent(pair, slot);
            var tally = new KeyTally { Moved = slot.Moved };
            // If the flags have changed since, the plan sets them, and that clears these.
            if (pair.Source.View!.Databases == 1)
                tally.Interrupted.UnionWith(slot.Interrupted);
            var runner = new SlotRunner(context.Session, reader, situations, plan, tally, context.Log);
            var outcome = await runner.RunAsync(stopping).ConfigureAwait(false);
            var result = outcome.Result with { MigrationId = results.Run.MigrationId, Operation = move.Operation.ToString() };
            return outcome with { Result = result, Failure = outcome.Failure is { } failed ? results.Resumable(failed) : null };
        }
        catch (RedisOperationException failure)
        {
            var ended = RunResume.Ends(failure) ? results.LeftOpen(pair, [slot], failure) : failure;
            return results.Failed(pair, slot, ended, stop.Clock.Now - started);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return results.Failed(pair, slot, results.Stopped(slot, "Its state was not read again."));
        }
    }
}
