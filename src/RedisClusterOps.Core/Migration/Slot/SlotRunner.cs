using System;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>Carries out a slot's plan: reads the cluster, plans again from its state now, runs the steps, and verifies the end.</summary>
/// <remarks>
/// The plan that the user agreed to fixes the slot and the direction, not the steps. They are planned again before the first one, and
/// whenever a step finds a state that it does not expect. So a run that was killed at any point is simply run again.
/// </remarks>
internal sealed class SlotRunner(
    RedisClusterSession session, ClusterReader reader, SituationReader situations, SlotPlan agreed, KeyTally tally, OperationLog? log)
{
    // One more reading is enough for late gossip. A slot that changes more often is being modified by another tool.
    private const int MostReadings = 4;

    // A plan that had to make hidden keys visible is followed by another. No operation needs more than three.
    private const int MostRounds = 8;
    private static readonly TimeSpan ReadingPause = TimeSpan.FromMilliseconds(500);

    private readonly SlotPlan _agreed = agreed;
    private readonly TimeSpan _started = reader.Clock.Now;

    /// <summary>The request, including what a partial plan of it has found out.</summary>
    private SlotRequest _request = agreed.Request!;

    /// <summary>The cluster before the first change.</summary>
    private ClusterView? _before;

    /// <summary>The plan that is carried out now; at first the one that was agreed to.</summary>
    private SlotPlan _plan = agreed;

    /// <summary>Records which nodes have a changed setting; null if nothing is recorded.</summary>
    public SettingRecord? Settings { get; init; }

    private string Slot => _agreed.Slot.ToString(CultureInfo.InvariantCulture);

    /// <summary>Carries out the operation.</summary>
    public async Task<SlotOutcome> RunAsync(CancellationToken stopping)
    {
        if (_agreed.Refusal is { } refusal)
            return Failed(refusal);
        if (_agreed.IsDone)
        {
            var reason = _request.LeavesOpen
                ? "Both ends are consistent already."
                : _agreed.Target + " owns the slot already, and no node has it open.";
            return new SlotOutcome(Result(MigrationOutcome.Skipped, reason), null);
        }

        using var stop = new StopRequest(reader.Clock, stopping);
        return await ReportFailuresAsync(
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
                    log?.State(_agreed.Slot, "Slot " + Slot + ": " + changed.Message + " Reading the cluster again.");
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
        return await ReportFailuresAsync(
            async () => new KeyMoveOutcome(Moved(await MoveKeysAsync(stop).ConfigureAwait(false)), null),
            failure => new KeyMoveOutcome(Moved(null), failure),
            stopping).ConfigureAwait(false);
    }

    private async Task<T> ReportFailuresAsync<T>(Func<Task<T>> work, Func<RedisOperationException, T> report, CancellationToken stopping)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (SlotChangedException changed)
        {
            return report(changed.Failure);
        }
        catch (RedisConnectionException lost)
        {
            return report(await DescribeLossAsync(lost).ConfigureAwait(false));
        }
        catch (RedisOperationException failure)
        {
            return report(failure);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return report(await DescribeStopAsync().ConfigureAwait(false));
        }
    }

    private async Task<long?> MoveKeysAsync(StopRequest stop)
    {
        var plan = _request.Plan(await ReadAsync(stop).ConfigureAwait(false));
        var move = plan.Actions.OfType<MoveKeys>().Single();
        var mover = new KeyMover(reader, move, _agreed.Options, tally, log, stop);
        if (_agreed.Keys is null)
            await mover.MoveAllAsync(_agreed.First).ConfigureAwait(false);
        else
            await mover.MoveThoseAsync(_agreed.Keys).ConfigureAwait(false);
        var source = await reader.ConnectAsync(move.Source, stop.Abort).ConfigureAwait(false);
        return await SlotKeyCounter.CountAsync(source, move.Source.View!.Databases, _agreed.Slot, stop.Abort).ConfigureAwait(false);
    }

    private RedisKeyMove Moved(long? remaining) => new()
    {
        Slot = _agreed.Slot,
        Source = _agreed.Source,
        Target = _agreed.Target,
        KeysMoved = tally.Moved,
        // A named key that did not move did not exist. Of listed keys only those count that disappeared meanwhile.
        KeysMissing = _agreed.Keys is null || remaining is null ? tally.Missing : _agreed.Keys.Count - tally.Moved,
        KeysConflicting = tally.Conflicting,
        KeysRemaining = remaining ?? Math.Max(0, (_agreed.KeysOnSource ?? 0) - tally.Moved),
        Elapsed = reader.Clock.Now - _started,
        Cluster = session,
    };

    private async Task<SlotSituation> ReadAsync(StopRequest stop)
    {
        var view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
        return await situations.ReadAsync(view, _agreed.Slot, stop.Abort).ConfigureAwait(false);
    }

    private async Task<SlotOutcome> RunOnceAsync(StopRequest stop)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var situation = await ReadAsync(stop).ConfigureAwait(false);
            _before ??= situation.View;
            var plan = _request.Plan(situation);
            if (plan.Actions.Count > 0)
            {
                _plan = plan;
                var ends = plan.Source.Length > 0 ? ", " + plan.Source + " -> " + plan.Target : string.Empty;
                log?.State(_agreed.Slot, "Slot " + Slot + ": " + (plan.State?.ToString() ?? "stable") + ends);
                stop.ThrowIfRequested();
                var steps = new SlotSteps(reader, plan, tally, log, stop) { Settings = Settings };
                await steps.RunAllAsync(plan.Actions).ConfigureAwait(false);
            }

            _request = plan.NextRequest ?? _request;
            if (!plan.IsPartial)
            {
                var verified = await VerifyAsync(situation.View, plan, stop).ConfigureAwait(false);
                if (verified.Failure is not null || await FindLeftAsync(stop).ConfigureAwait(false) is not { } next)
                    return verified;
                _request = next;
            }
        }

        throw SlotRefusal.Unsuitable(
            _agreed.Slot, "keeps changing state; another tool may be modifying it.", SlotCommands.ShowSlot(_agreed.Slot));
    }

    // What a verified slot may still need: a repair also clears flags that only replicas have left, because a promotion would open the
    // slot again. And if one of the ends has just failed over, its successor was not checked for hidden keys.
    private async Task<SlotRequest?> FindLeftAsync(StopRequest stop)
    {
        var clearsReplicas = _request is RepairRequest && _before!.Nodes.Any(node => !node.IsMaster);
        if (!_request.ChecksHiddenKeys && !clearsReplicas)
            return null;
        var situation = await ReadAsync(stop).ConfigureAwait(false);
        if (clearsReplicas)
            return situation.View.ReplicaFlags.Any(flag => flag.Slot == _agreed.Slot) ? _request : null;
        return _request.MasterThatMayHideKeys(situation) is { } node && await situations.HidesAsync(node, stop.Abort).ConfigureAwait(false)
            ? _request.RevealingHiddenKeys()
            : null;
    }

    private async Task<SlotOutcome> VerifyAsync(ClusterView view, SlotPlan done, StopRequest stop)
    {
        if (_request.LeavesOpen)
        {
            // A plan from the state now has nothing left to do.
            var left = _request.Plan(await ReadAsync(stop).ConfigureAwait(false));
            return left.IsDone
                ? new SlotOutcome(Result(_request.Success, Notes()), null)
                : throw new SlotChangedException(
                    SlotRefusal.Unsuitable(_agreed.Slot, "did not keep the flags that were set.", SlotCommands.ShowSlot(_agreed.Slot)));
        }

        var owner = view.Node(done.OwnerAtEnd!)!;
        var objections = await new OwnershipVerifier(reader, view, stop).VerifyAsync(_agreed.Slot, owner).ConfigureAwait(false);
        if (objections.Count > 0)
        {
            return Failed(new RedisOperationException(
                FailureCode.ClusterViewConflict,
                "Slot " + Slot + " belongs to " + owner.Name + " with all its keys, but not every node agrees"
                    + " (another tool may be modifying it): " + string.Join("; ", objections) + ".",
                Slot,
                new NextAction(NextActionCode.CheckCluster)));
        }

        log?.State(_agreed.Slot, "Slot " + Slot + ": every node agrees on " + owner.Name);
        return await FindEvictedAsync(owner, stop).ConfigureAwait(false) is { } lost
            ? Failed(lost)
            : new SlotOutcome(Result(_request.Success, Notes()), null);
    }

    // MIGRATE reports success only for keys that the target has accepted. Without a client only an eviction takes them away again.
    private async Task<RedisOperationException?> FindEvictedAsync(ClusterNode owner, StopRequest stop)
    {
        if (tally.Moved == 0 || owner.Id != _plan.TargetId)
            return null;
        var connection = await reader.ConnectAsync(owner, stop.Abort).ConfigureAwait(false);
        var reply = await connection.AskAsync(RespCommand.Of("INFO", "stats"), stop.Abort).ConfigureAwait(false);
        var before = _before?.Node(owner.Id)?.View?.Facts.Number("evicted_keys");
        var evicted = reply.IsError ? 0 : NodeCounters.Since(before, NodeCounters.Of(ServerFacts.Parse(reply.Text)).Evicted);
        if (evicted == 0)
            return null;
        var keys = await SlotKeyCounter.CountAsync(connection, owner.View!.Databases, _agreed.Slot, stop.Abort).ConfigureAwait(false);
        return keys >= tally.Moved ? null : KeyLoss.Evicted(owner, _agreed.Slot, tally.Moved - (keys ?? 0), tally.Moved, evicted);
    }

    private async Task<RedisOperationException> DescribeStopAsync() => new(
        FailureCode.Stopped,
        "Slot " + Slot + ": stopped after " + tally.MovedText + ". " + await DescribeLeftAsync().ConfigureAwait(false)
            + " No key is lost; the same command continues from here.",
        Slot,
        _request.Again);

    // The error of a lost connection says nothing about the slot, so its state is added.
    private async Task<RedisOperationException> DescribeLossAsync(RedisConnectionException lost) => new(
        lost.Code,
        "Slot " + Slot + ": " + lost.Message.TrimEnd('.') + ", after " + tally.MovedText + ". "
            + await DescribeLeftAsync().ConfigureAwait(false) + " Once the node answers again, the same command continues from here.",
        lost.Endpoint.ToString(),
        new NextAction(NextActionCode.ShowNodes),
        lost);

    private async Task<string> DescribeLeftAsync()
    {
        // After a stop or a lost connection there is no time to wait for another node that hangs.
        using var briefly = new CancellationTokenSource(TimeSpan.FromMilliseconds(250));
        try
        {
            var view = await reader.ReadAsync(null, briefly.Token).ConfigureAwait(false);
            if (await situations.DiagnoseAsync(view, _agreed.Slot, briefly.Token).ConfigureAwait(false) is not { } diagnosis)
                return "No reachable node has the slot open.";
            var keys = diagnosis.KeysOnSource is { } left
                ? " with " + left.ToString(CultureInfo.InvariantCulture) + " keys left on " + diagnosis.Source!.Name
                : string.Empty;
            return "The slot is " + diagnosis.State + keys + ".";
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return "The state of the slot was not read again.";
        }
    }

    private string Notes() => string.Join(" ", tally.Notes.Concat(_agreed.LastingWarnings));

    // A failure also names the files of the values that were saved before it.
    private SlotOutcome Failed(RedisOperationException failure) => new(
        Result(MigrationOutcome.Failed, string.Join(" ", new[] { failure.Message }.Concat(tally.Notes))),
        failure);

    private RedisSlotMigrationResult Result(MigrationOutcome outcome, string reason) => new()
    {
        Slot = _agreed.Slot,
        Operation = _agreed.Operation,
        Outcome = outcome,
        Source = TextOrNull(_plan.Source),
        SourceId = TextOrNull(_plan.SourceId),
        Target = TextOrNull(_plan.Target),
        TargetId = TextOrNull(_plan.TargetId),
        KeysMoved = tally.Moved,
        KeysConflicting = tally.Conflicting,
        Method = nameof(MoveMethod.KeyByKey),
        Elapsed = reader.Clock.Now - _started,
        Reason = reason.Length == 0 ? null : reason,
        Cluster = session,
    };

    private static string? TextOrNull(string text) => text.Length == 0 ? null : text;
}
