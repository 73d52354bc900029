using System;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Slot;

/// <summary>Carries a slot's plan out: reads the cluster, plans again from what it says now, does the steps, and proves the end.</summary>
/// <remarks>
/// The plan that a person agreed to fixes the slot and the direction. Its steps do not bind: they are derived anew before the
/// first, and again whenever a step meets something else than it expected. So a run that was killed anywhere is simply run again.
/// </remarks>
internal sealed class SlotRunner(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, SlotPlan agreed, KeyTally tally, OperationLog? log)
{
    // A second reading settles what gossip brought late; a slot that changes more often is being worked on by somebody else.
    private const int MostReadings = 4;

    // A plan that had to bring something to light is followed by another. None of them needs more than three.
    private const int MostRounds = 8;
    private static readonly TimeSpan ReadingPause = TimeSpan.FromMilliseconds(500);

    private readonly SlotPlan _plan = agreed;
    private readonly TimeSpan _started = reader.Clock.Now;

    /// <summary>What is being done now; the ends of the plan that was agreed to, until there is another.</summary>
    private SlotPlan _current = agreed;
    private SlotOperation? _request;

    /// <summary>What was asked for; a plan that had to look first may have added what it looked into.</summary>
    private SlotOperation Request => _request ?? _plan.Request!;

    private string Slot => _plan.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Does what was asked for.</summary>
    public async Task<SlotOutcome> RunAsync(CancellationToken stopping)
    {
        if (_plan.Refusal is { } refusal)
            return Failed(refusal);
        if (_plan.IsDone)
            return new SlotOutcome(Result(MigrationOutcome.Skipped, Request.LeavesOpen ? "Both ends are in order already." : _plan.Target + " owns the slot already, and nobody has it open."), null);
        using var stop = new StopRequest(reader.Clock, stopping);
        return await TellFailuresAsync(
        async () =>
        {
            for (var reading = 1; ; reading++)
            {
                try
                {
                    return await RunOnceAsync(stop).ConfigureAwait(false);
                }
                catch (SlotChangedException changed) when (reading < MostReadings)
                {
                    log?.State(_plan.Slot, "Slot " + Slot + ": " + changed.Message + " Reading the cluster again.");
                    await stop.PauseAsync(ReadingPause).ConfigureAwait(false);
                }
            }
        },
        Failed,
        stopping).ConfigureAwait(false);
    }

    /// <summary>Moves keys and leaves the slot open.</summary>
    public async Task<KeyMoveOutcome> MoveKeysAsync(CancellationToken stopping)
    {
        using var stop = new StopRequest(reader.Clock, stopping);
        return await TellFailuresAsync(
            async () => new KeyMoveOutcome(Moved(await MoveKeysAsync(stop).ConfigureAwait(false)), null),
            failure => new KeyMoveOutcome(Moved(null), failure),
            stopping).ConfigureAwait(false);
    }

    private async Task<T> TellFailuresAsync<T>(Func<Task<T>> work, Func<RedisOperationException, T> tell, CancellationToken stopping)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (SlotChangedException changed)
        {
            return tell(changed.Failure);
        }
        catch (RedisConnectionException lost)
        {
            return tell(await DescribeLossAsync(lost).ConfigureAwait(false));
        }
        catch (RedisOperationException failure)
        {
            return tell(failure);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return tell(await DescribeStopAsync().ConfigureAwait(false));
        }
    }

    private async Task<long?> MoveKeysAsync(StopRequest stop)
    {
        var current = Request.Plan(await ReadAsync(stop).ConfigureAwait(false));
        var move = current.Actions.OfType<MoveKeys>().Single();
        var mover = new KeyMover(reader, move, _plan.Options, tally, log, stop);
        if (_plan.Keys is null)
            await mover.MoveAllAsync(_plan.First).ConfigureAwait(false);
        else
            await mover.MoveThoseAsync(_plan.Keys).ConfigureAwait(false);
        var source = await reader.ConnectAsync(move.Source, stop.Abort).ConfigureAwait(false);
        return await SlotKeyCounter.CountAsync(source, move.Source.View!.Databases, _plan.Slot, stop.Abort).ConfigureAwait(false);
    }

    private RedisKeyMove Moved(long? remaining) => new()
    {
        Slot = _plan.Slot,
        Source = _plan.Source,
        Target = _plan.Target,
        KeysMoved = tally.Moved,
        // A key that was named and did not move was not there; of listed keys only those that went away meanwhile count.
        KeysMissing = _plan.Keys is null || remaining is null ? tally.Missing : _plan.Keys.Count - tally.Moved,
        KeysConflicting = tally.Conflicting,
        KeysRemaining = remaining ?? Math.Max(0, (_plan.KeysOnSource ?? 0) - tally.Moved),
        Elapsed = reader.Clock.Now - _started,
        Cluster = session,
    };

    private async Task<SlotSituation> ReadAsync(StopRequest stop)
    {
        var view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
        return await situations.ReadAsync(view, _plan.Slot, stop.Abort).ConfigureAwait(false);
    }

    private async Task<SlotOutcome> RunOnceAsync(StopRequest stop)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var situation = await ReadAsync(stop).ConfigureAwait(false);
            var current = Request.Plan(situation);
            if (current.Actions.Count > 0)
            {
                _current = current;
                log?.State(_plan.Slot, "Slot " + Slot + ": " + (current.State?.ToString() ?? "stable") + (current.Source.Length > 0 ? ", " + current.Source + " -> " + current.Target : string.Empty));
                stop.ThrowIfRequested();
                var steps = new SlotSteps(reader, current, tally, log, stop);
                await steps.DoAllAsync(current.Actions).ConfigureAwait(false);
            }

            _request = current.Then ?? _request;
            if (!current.IsPartial)
            {
                var proved = await ProveAsync(situation.View, current, stop).ConfigureAwait(false);
                if (proved.Failure is not null || await LookForHiddenAsync(stop).ConfigureAwait(false) is not { } revealing)
                    return proved;
                _request = revealing;
            }
        }

        throw SlotRefusal.Unsuitable(_plan.Slot, "does not come to rest, as when another tool is at work on it.", "Get-RedisOpenSlot -Slot " + Slot);
    }

    // An end that failed over in the last moments has a successor that nobody has looked into.
    private async Task<SlotOperation?> LookForHiddenAsync(StopRequest stop)
    {
        if (!Request.LooksForHidden)
            return null;
        var situation = await ReadAsync(stop).ConfigureAwait(false);
        return Request.MayHide(situation) is { } node && await situations.HidesAsync(node, stop.Abort).ConfigureAwait(false) ? Request.Revealing() : null;
    }

    private async Task<SlotOutcome> ProveAsync(ClusterView view, SlotPlan done, StopRequest stop)
    {
        if (Request.LeavesOpen)
        {
            // Planned from what the nodes say now, nothing is left to do.
            var left = Request.Plan(await ReadAsync(stop).ConfigureAwait(false));
            return left.IsDone
                ? new SlotOutcome(Result(Request.Success, Notes()), null)
                : throw new SlotChangedException(SlotRefusal.Unsuitable(_plan.Slot, "did not keep the flags that it was given.", "Get-RedisOpenSlot -Slot " + Slot));
        }

        var owner = view.Node(done.OwnerAtEnd!)!;
        var complaints = await new OwnershipVerifier(reader, view, stop).VerifyAsync(_plan.Slot, owner).ConfigureAwait(false);
        if (complaints.Count > 0)
        {
            return Failed(new RedisOperationException(
                FailureCode.ClusterViewConflict,
                "Slot " + Slot + " belongs to " + owner.Name + " with all its keys, but not everybody agrees, as when another tool is at work on it: " + string.Join("; ", complaints) + ".",
                Slot,
                "Test-RedisCluster"));
        }

        log?.State(_plan.Slot, "Slot " + Slot + ": every node agrees on " + owner.Name);
        return new SlotOutcome(Result(Request.Success, Notes()), null);
    }

    private async Task<RedisOperationException> DescribeStopAsync() => new(
        FailureCode.Stopped,
        "Slot " + Slot + ": stopped after " + tally.MovedText + ". " + await DescribeLeftAsync().ConfigureAwait(false) + " No key is lost; the same command goes on from here.",
        Slot,
        Request.Again);

    // A node went away in the middle: that is told with what it means for the slot, for the connection alone says nothing of it.
    private async Task<RedisOperationException> DescribeLossAsync(RedisConnectionException lost) => new(
        lost.Code,
        "Slot " + Slot + ": " + lost.Message.TrimEnd('.') + ", after " + tally.MovedText + ". " + await DescribeLeftAsync().ConfigureAwait(false) + " When the node is back the same command goes on from here.",
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
            return await situations.DiagnoseAsync(view, _plan.Slot, briefly.Token).ConfigureAwait(false) is not { } diagnosis
                ? "The slot is not seen to be open."
                : "The slot is " + diagnosis.State + (diagnosis.KeysOnSource is { } keys ? " with " + keys.ToString(CultureInfo.InvariantCulture) + " keys left on " + diagnosis.Source!.Name : string.Empty) + ".";
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return "Read what is left with Get-RedisOpenSlot -Slot " + Slot + ".";
        }
    }

    private string Notes() => string.Join(" ", tally.Notes.Concat(_plan.Lasting));

    // Where the values are that were saved until then belongs to a failure as well.
    private SlotOutcome Failed(RedisOperationException failure) => new(
        Result(MigrationOutcome.Failed, string.Join(" ", new[] { failure.Message }.Concat(tally.Notes))),
        failure);

    private RedisSlotMigrationResult Result(MigrationOutcome outcome, string reason) => new()
    {
        Slot = _plan.Slot,
        Operation = _plan.Operation,
        Outcome = outcome,
        Source = TextOrNull(_current.Source),
        SourceId = TextOrNull(_current.SourceId),
        Target = TextOrNull(_current.Target),
        TargetId = TextOrNull(_current.TargetId),
        KeysMoved = tally.Moved,
        KeysConflicting = tally.Conflicting,
        Method = "KeyByKey",
        Elapsed = reader.Clock.Now - _started,
        Reason = reason.Length == 0 ? null : reason,
        Cluster = session,
    };

    private static string? TextOrNull(string text) => text.Length == 0 ? null : text;
}
