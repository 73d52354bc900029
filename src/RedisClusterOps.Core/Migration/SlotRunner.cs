using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
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
    private readonly SlotCommands _commands = new(reader);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private string Slot => plan.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Completes the slot's migration.</summary>
    public async Task<SlotOutcome> CompleteAsync(CancellationToken stopping)
    {
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

        RequireSameDirection(view, diagnosis);
        var current = CompletionPlanner.Plan(diagnosis, session, plan.Options);
        log?.State(plan.Slot, "Slot " + Slot + ": " + diagnosis.State + ", " + current.Source + " -> " + current.Target);
        foreach (var action in current.Actions)
            await DoAsync(action, stop).ConfigureAwait(false);
        return await ProveAsync(view, diagnosis.Target!, stop).ConfigureAwait(false);
    }

    private async Task DoAsync(SlotAction action, StopRequest stop)
    {
        switch (action)
        {
            case CorrectOwner correct:
                await _commands.AssignAsync(correct.Node, action.Slot, correct.Owner, stop).ConfigureAwait(false);
                log?.State(action.Slot, "Slot " + Slot + ": " + correct.Node.Name + " knows that " + correct.Owner.Name + " owns it");
                break;
            case SetImporting import:
                stop.ThrowIfRequested();
                await _commands.ImportAsync(import.Target, action.Slot, import.Source, stop).ConfigureAwait(false);
                log?.State(action.Slot, "Slot " + Slot + ": " + import.Target.Name + " imports");
                break;
            case SetMigrating migrate:
                await _commands.MigrateAsync(migrate.Source, action.Slot, migrate.Target, stop).ConfigureAwait(false);
                log?.State(action.Slot, "Slot " + Slot + ": " + migrate.Source.Name + " migrates");
                break;
            case MoveKeys move:
                await new KeyMover(reader, move, plan.Options, _tally, log, stop).MoveAllAsync(null).ConfigureAwait(false);
                log?.State(action.Slot, "Slot " + Slot + ": " + _tally.Moved.ToString(CultureInfo.InvariantCulture) + " keys moved");
                break;
            case TakeOver takeOver:
                if (!await new CutOver(reader, _commands, log).TryAsync(takeOver, stop).ConfigureAwait(false))
                {
                    throw new SlotChangedException(new RedisOperationException(
                        FailureCode.SourceNotEmpty,
                        "Slot " + Slot + ": " + takeOver.Source.Name + " holds keys of it again, and would delete them when the slot is given away. Nothing was given away.",
                        Slot,
                        "Complete-RedisSlotMigration -Slot " + Slot));
                }

                break;
            case TellOwner tell:
                await TellAsync(tell, stop).ConfigureAwait(false);
                break;
        }
    }

    // The owner is decided by now: what a node can't be told here it learns by gossip, and the proof at the end says if it did not.
    private async Task TellAsync(TellOwner tell, StopRequest stop)
    {
        try
        {
            await _commands.AssignAsync(tell.Node, tell.Slot, tell.Owner, stop).ConfigureAwait(false);
            if (tell.IsSource)
                await CloseLeftFlagAsync(tell, stop).ConfigureAwait(false);
        }
        catch (SlotChangedException changed) when (changed.InnerException is RedisServerException { ServerError: var error } && SlotCommands.IsNoMaster(error))
        {
            log?.State(tell.Slot, "Slot " + Slot + ": " + tell.Node.Name + " gave its last slot away and has become a replica");
        }
        catch (Exception failure) when (failure is RedisOperationException or SlotChangedException)
        {
            log?.Warning(tell.Slot, "Slot " + Slot + ": " + tell.Node.Name + " could not be told the new owner (" + Printable.Clean(failure.Message, 160) + "); it should learn it by gossip.");
        }
    }

    // NODE ends the migrating flag only on a source that knows it has no key; STABLE ends it on one that does not own the slot any more.
    private async Task CloseLeftFlagAsync(TellOwner tell, StopRequest stop)
    {
        var now = await reader.ReadNodeAsync(tell.Node, stop.Abort).ConfigureAwait(false);
        if (!now.Self.Slots.Contains(tell.Slot) && (now.Self.MigratingTo.ContainsKey(tell.Slot) || now.Self.ImportingFrom.ContainsKey(tell.Slot)))
            await _commands.ClearAsync(tell.Node, tell.Slot, stop).ConfigureAwait(false);
    }

    private async Task<SlotOutcome> ProveAsync(ClusterView view, ClusterNode owner, StopRequest stop)
    {
        var complaints = await new Agreement(reader).AwaitAsync(view, plan.Slot, owner, stop).ConfigureAwait(false);
        if (complaints.Count > 0)
        {
            return Failed(new RedisOperationException(
                FailureCode.ClusterViewConflict,
                "Slot " + Slot + " belongs to " + owner.Name + " with all its keys, but not everybody agrees: " + string.Join("; ", complaints) + ".",
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

    private async Task<RedisOperationException> DescribeStopAsync()
    {
        var left = "Read what is left with Get-RedisOpenSlot -Slot " + Slot + ".";
        using var briefly = new CancellationTokenSource(TimeSpan.FromMilliseconds(250));
        try
        {
            var view = await reader.ReadAsync(null, briefly.Token).ConfigureAwait(false);
            var diagnosis = await situations.DiagnoseAsync(view, plan.Slot, briefly.Token).ConfigureAwait(false);
            left = diagnosis is null ? "The slot is not open any more."
                : "The slot is " + diagnosis.State + (diagnosis.KeysOnSource is { } keys ? " with " + keys.ToString(CultureInfo.InvariantCulture) + " keys left on " + diagnosis.Source!.Name : string.Empty) + ".";
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            // Whoever stops does not wait for a node that hangs.
        }

        return new RedisOperationException(
            FailureCode.Stopped,
            "Slot " + Slot + ": stopped after " + _tally.Moved.ToString(CultureInfo.InvariantCulture) + " keys. " + left + " No key is lost; the same command goes on from here.",
            Slot,
            "Complete-RedisSlotMigration -Slot " + Slot);
    }

    private SlotOutcome Failed(RedisOperationException failure) => new(
        Result(MigrationOutcome.Failed, failure.Message + (failure.NextStep is null ? string.Empty : " Next: " + failure.NextStep)), failure);

    private RedisSlotMigrationResult Result(MigrationOutcome outcome, string reason) => new()
    {
        Slot = plan.Slot,
        Operation = plan.Operation,
        Outcome = outcome,
        Source = plan.Source,
        SourceId = plan.SourceId,
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
