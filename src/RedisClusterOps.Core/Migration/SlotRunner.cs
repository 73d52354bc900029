using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>Carries a slot's plan out: reads the cluster, plans again from what it says now, does the steps, and proves the end.</summary>
/// <remarks>
/// The plan that a person agreed to fixes the slot and the direction. Its steps do not bind: they are derived anew before the
/// first, and again whenever a step meets something else than it expected. So a run that was killed anywhere is simply run again.
/// </remarks>
internal sealed class SlotRunner(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, SlotPlan plan, OperationLog? log)
{
    // A second reading settles what gossip brought late; a slot that changes more often is being worked on by somebody else.
    private const int MostReadings = 4;
    private static readonly TimeSpan ReadingPause = TimeSpan.FromMilliseconds(500);

    private readonly KeyTally _tally = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private string Slot => plan.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Completes the slot's migration.</summary>
    public async Task<SlotOutcome> CompleteAsync(CancellationToken stopping)
    {
        if (plan.IsDone)
            return new SlotOutcome(Result(MigrationOutcome.Skipped, plan.Target + " owns the slot already, and nobody has it open."), null);
        using var stop = new StopRequest(stopping);
        try
        {
            for (var reading = 1; ; reading++)
            {
                try
                {
                    return await CompleteOnceAsync(stop).ConfigureAwait(false);
                }
                catch (SlotChangedException changed) when (reading < MostReadings)
                {
                    log?.State(plan.Slot, "Slot " + Slot + ": " + changed.Message + " Reading the cluster again.");
                    await Task.Delay(ReadingPause, stop.Waiting).ConfigureAwait(false);
                }
                catch (SlotChangedException changed)
                {
                    return Failed(changed.Failure);
                }
            }
        }
        catch (RedisConnectionException lost)
        {
            return Failed(await DescribeLossAsync(lost).ConfigureAwait(false));
        }
        catch (RedisOperationException failure)
        {
            return Failed(failure);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return Failed(await DescribeStopAsync().ConfigureAwait(false));
        }
    }

    /// <summary>Moves keys and leaves the slot open.</summary>
    public async Task<KeyMoveOutcome> MoveKeysAsync(CancellationToken stopping)
    {
        using var stop = new StopRequest(stopping);
        RedisOperationException failure;
        try
        {
            return new KeyMoveOutcome(Moved(await MoveKeysAsync(stop).ConfigureAwait(false)), null);
        }
        catch (SlotChangedException changed)
        {
            failure = changed.Failure;
        }
        catch (RedisConnectionException lost)
        {
            failure = await DescribeLossAsync(lost).ConfigureAwait(false);
        }
        catch (RedisOperationException refused)
        {
            failure = refused;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            failure = await DescribeStopAsync().ConfigureAwait(false);
        }

        return new KeyMoveOutcome(Moved(null), failure);
    }

    private async Task<long?> MoveKeysAsync(StopRequest stop)
    {
        var view = await reader.ReadAsync(null, stop.Abort).ConfigureAwait(false);
        var diagnosis = await situations.DiagnoseAsync(view, plan.Slot, stop.Abort).ConfigureAwait(false)
            ?? throw Stable(view, FailureCode.StalePlan);
        RequireSameDirection(view, diagnosis);
        var move = CompletionPlanner.PlanKeyMove(diagnosis, session, plan.Options, plan.First, plan.Keys).Actions.OfType<MoveKeys>().Single();
        var mover = new KeyMover(reader, move, plan.Options, _tally, log, stop);
        if (plan.Keys is null)
            await mover.MoveAllAsync(plan.First).ConfigureAwait(false);
        else
            await mover.MoveThoseAsync(plan.Keys).ConfigureAwait(false);
        var source = await reader.ConnectAsync(move.Source, stop.Abort).ConfigureAwait(false);
        return await SlotKeyCounter.CountAsync(source, move.Source.View!.Databases, plan.Slot, stop.Abort).ConfigureAwait(false);
    }

    private RedisKeyMove Moved(long? remaining) => new()
    {
        Slot = plan.Slot,
        Source = plan.Source,
        Target = plan.Target,
        KeysMoved = _tally.Moved,
        // A key that was named and did not move was not there; of listed keys only those that went away meanwhile count.
        KeysMissing = plan.Keys is null || remaining is null ? _tally.Missing : plan.Keys.Count - _tally.Moved,
        KeysConflicting = _tally.Conflicting,
        KeysRemaining = remaining ?? Math.Max(0, (plan.KeysOnSource ?? 0) - _tally.Moved),
        Elapsed = _clock.Elapsed,
        Cluster = session,
    };

    private async Task<SlotOutcome> CompleteOnceAsync(StopRequest stop)
    {
        var view = await reader.ReadAsync(null, stop.Abort).ConfigureAwait(false);
        var diagnosis = await situations.DiagnoseAsync(view, plan.Slot, stop.Abort).ConfigureAwait(false);
        if (diagnosis is null)
        {
            // Closed meanwhile: by an earlier round of ours, or by somebody else who went the same way.
            var owner = view.OwnerOf(plan.Slot);
            if (owner is null || owner != view.ShardMaster(plan.TargetId)?.Id)
                throw Stable(view, FailureCode.StalePlan);
            return await ProveAsync(view, view.Node(owner)!, stop).ConfigureAwait(false);
        }

        // First whether it can be completed at all: of a state that can't, its reason says more than the direction does.
        var current = CompletionPlanner.Plan(diagnosis, session, plan.Options);
        RequireSameDirection(view, diagnosis);
        log?.State(plan.Slot, "Slot " + Slot + ": " + diagnosis.State + ", " + current.Source + " -> " + current.Target);
        stop.ThrowIfRequested();
        var steps = new SlotSteps(reader, plan.Slot, plan.Options, _tally, log, stop);
        foreach (var action in current.Actions)
            await steps.DoAsync(action).ConfigureAwait(false);
        return await ProveAsync(view, diagnosis.Target!, stop).ConfigureAwait(false);
    }

    private async Task<SlotOutcome> ProveAsync(ClusterView view, ClusterNode owner, StopRequest stop)
    {
        var complaints = await new Agreement(reader).AwaitAsync(view, plan.Slot, owner, stop).ConfigureAwait(false);
        if (complaints.Count > 0)
        {
            return Failed(new RedisOperationException(
                FailureCode.ClusterViewConflict,
                "Slot " + Slot + " was given to " + owner.Name + " with all its keys, but not everybody agrees, as when another tool is at work on it: " + string.Join("; ", complaints) + ".",
                Slot,
                "Test-RedisCluster"));
        }

        log?.State(plan.Slot, "Slot " + Slot + ": every node agrees on " + owner.Name);
        return new SlotOutcome(Result(MigrationOutcome.Completed, string.Join(" ", _tally.Notes.Concat(plan.Warnings))), null);
    }

    // A person agreed to a source and a target. A failover may have put their successors there; anything else is another migration.
    private void RequireSameDirection(ClusterView view, SlotDiagnosis diagnosis)
    {
        var (source, target) = (diagnosis.Source, diagnosis.Target);
        var sameSource = Succeeds(plan.SourceId, source);
        var sameTarget = Succeeds(plan.TargetId, target);
        if (sameSource && sameTarget)
            return;
        if ((sameSource && IsGone(plan.TargetId)) || (sameTarget && IsGone(plan.SourceId)))
            return;
        throw new RedisOperationException(
            FailureCode.StalePlan,
            "Slot " + Slot + " was to go from " + plan.Source + " to " + plan.Target + ", and now goes from " + (source?.Name ?? "nowhere") + " to " + (target?.Name ?? "nowhere") + ". Nothing was done.",
            Slot,
            "Get-RedisOpenSlot -Slot " + Slot);

        bool Succeeds(string planned, ClusterNode? now) => now is not null && (now.Id == planned || now.Id == view.ShardMaster(planned)?.Id);
        bool IsGone(string planned) => view.Node(planned) is not { IsReachableMaster: true };
    }

    private RedisOperationException Stable(ClusterView view, FailureCode code) => new(
        code,
        "Slot " + Slot + " is not open any more; it belongs to " + (view.OwnerOf(plan.Slot) is { } id ? view.Node(id)!.Name : "nobody") + ".",
        Slot,
        "Get-RedisOpenSlot");

    private async Task<RedisOperationException> DescribeStopAsync() => new(
        FailureCode.Stopped,
        "Slot " + Slot + ": stopped after " + _tally.MovedText + ". " + await DescribeLeftAsync().ConfigureAwait(false) + " No key is lost; the same command goes on from here.",
        Slot,
        "Complete-RedisSlotMigration -Slot " + Slot);

    // A node went away in the middle: that is told with what it means for the slot, for the connection alone says nothing of it.
    private async Task<RedisOperationException> DescribeLossAsync(RedisConnectionException lost) => new(
        lost.Code,
        "Slot " + Slot + ": " + lost.Message.TrimEnd('.') + ", after " + _tally.MovedText + ". " + await DescribeLeftAsync().ConfigureAwait(false) + " When the node is back the same command goes on from here.",
        lost.Endpoint.ToString(),
        "Get-RedisClusterNode",
        lost);

    private async Task<string> DescribeLeftAsync()
    {
        // Whoever stops, or has lost a node, does not wait for another one that hangs.
        using var briefly = new CancellationTokenSource(TimeSpan.FromMilliseconds(250));
        try
        {
            var view = await reader.ReadAsync(null, briefly.Token).ConfigureAwait(false);
            return await situations.DiagnoseAsync(view, plan.Slot, briefly.Token).ConfigureAwait(false) is not { } diagnosis
                ? "The slot is not seen to be open."
                : "The slot is " + diagnosis.State + (diagnosis.KeysOnSource is { } keys ? " with " + keys.ToString(CultureInfo.InvariantCulture) + " keys left on " + diagnosis.Source!.Name : string.Empty) + ".";
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return "Read what is left with Get-RedisOpenSlot -Slot " + Slot + ".";
        }
    }

    // Where the values are that were saved until then belongs to a failure as well.
    private SlotOutcome Failed(RedisOperationException failure) => new(
        Result(MigrationOutcome.Failed, string.Join(" ", new[] { failure.Message + (failure.NextStep is null ? string.Empty : " Next: " + failure.NextStep) }.Concat(_tally.Notes))),
        failure);

    private RedisSlotMigrationResult Result(MigrationOutcome outcome, string reason) => new()
    {
        Slot = plan.Slot,
        Operation = plan.Operation,
        Outcome = outcome,
        Source = plan.IsDone ? null : plan.Source,
        SourceId = plan.IsDone ? null : plan.SourceId,
        Target = plan.Target,
        TargetId = plan.TargetId,
        KeysMoved = _tally.Moved,
        KeysConflicting = _tally.Conflicting,
        Method = "KeyByKey",
        Elapsed = _clock.Elapsed,
        Reason = reason.Length == 0 ? null : reason,
        Cluster = session,
    };
}
