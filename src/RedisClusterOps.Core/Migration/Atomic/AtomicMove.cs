using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>An atomic migration that is complete: both ends report that, and both report the target as the owner.</summary>
/// <param name="Adopted">True if a running task was found and no other was started.</param>
/// <param name="Attempts">Tasks that were started or found; 0 if the target owned the slots already.</param>
/// <param name="Elapsed">The time from the first read to the verification.</param>
/// <param name="Note">What else to know; null if there is nothing.</param>
internal sealed record AtomicOutcome(bool Adopted, int Attempts, TimeSpan Elapsed, string? Note);

/// <summary>Moves whole slots by the servers' own migration: the target takes over all of them at once, or none.</summary>
/// <remarks>
/// The owners that the nodes report decide, not the lists of tasks: a restart loses the lists. A repetition after a crash finds the task
/// that is still running and starts no other.
/// </remarks>
internal sealed class AtomicMove(
    ClusterReader reader,
    ClusterNode source,
    ClusterNode target,
    SlotSet slots,
    OperationLog? log,
    StopRequest stop,
    Action<string>? progress = null)
{
    private static readonly TimeSpan TurnPause = TimeSpan.FromMilliseconds(100);

    private readonly IAtomicServer _server = ServerOf(source, target);

    // The current task, the slots that it moves, and the ids that were listed before it.
    private AtomicTask? _task;
    private SlotSet? _moving;
    private HashSet<string> _earlier = new(StringComparer.Ordinal);
    private bool _adopted;
    private int _attempts;
    private RedisOperationException? _refusal;
    private RedisOperationException? _trouble;
    private (TimeSpan Since, string Reason)? _turn;

    /// <summary>The command that starts the migration.</summary>
    public static PlannedCommand CommandFor(ClusterNode source, ClusterNode target, SlotSet slots)
    {
        var server = ServerOf(source, target);
        return new PlannedCommand(server.Host.Name, server.Begin(slots).ToString(), "the servers move all slots and keys themselves");
    }

    /// <summary>The time limits and the number of attempts.</summary>
    public AtomicLimits Limits { get; init; } = new();

    /// <summary>The tasks of this run, including those of other pairs of masters.</summary>
    public BegunTasks Ours { get; init; } = new();

    private IClock Clock => stop.Clock;

    private AtomicEnds Ends => new(reader, _server, source, target, Limits, log, Clock);

    private string What => AtomicText.Of(slots) + " from " + source.Name + " to " + target.Name;

    /// <summary>Moves the slots and verifies the result.</summary>
    /// <exception cref="RedisOperationException">Not all slots have moved. The message says which node owns them now.</exception>
    /// <exception cref="OperationCanceledException">A stop was requested in time. The slots are where they were, unless the message says
    /// that the servers are still moving them.</exception>
    public async Task<AtomicOutcome> RunAsync()
    {
        var started = Clock.Now;
        try
        {
            return Outcome(await MoveAsync().ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            var (moved, running) = await CancelAsync().ConfigureAwait(false);
            // The stop was too late. The slots have moved, so the result is verified.
            if (moved)
                return Outcome(await ProveInTimeAsync().ConfigureAwait(false));
            if (running is null)
                throw;
            var warning = "The servers are still moving " + What + ": " + running + ".";
            log?.Warning(null, warning);
            throw new OperationCanceledException(warning);
        }
        catch (RedisOperationException failure)
        {
            throw await ExplainAsync(failure).ConfigureAwait(false);
        }

        AtomicOutcome Outcome(string? note) => new(_adopted, _attempts, Clock.Now - started, note);
    }

    private async Task<string?> MoveAsync()
    {
        while (true)
        {
            stop.ThrowIfRequested();
            var anotherEnds = Ours.NextEnd;
            var observed = await Ends.SettledAsync(slots, stop.Abort).ConfigureAwait(false);
            var left = Ends.Left(observed, slots);
            if (left.Count == 0)
                return await ProveAsync(stop.Abort).ConfigureAwait(false);
            if (_trouble is not null)
                throw _trouble;

            if (observed.Host.FirstOrDefault(task => IsTheSame(task, left)) is { } running)
            {
                _adopted |= _attempts == 0;
                (_task, _moving, _refusal) = (running, left, null);
                Report("is already in progress; waiting for it");
            }
            else
            {
                Ends.RequireReady(observed);
                if (await BeginAsync(observed, left).ConfigureAwait(false) is { } reason)
                {
                    await AwaitTurnAsync(reason, anotherEnds).ConfigureAwait(false);
                    continue;
                }
            }

            (_turn, _attempts) = (null, _attempts + 1);
            if (_task is not null && _task.Slots.Equals(left))
                Ours.Add(_task.Id);
            var end = _task is null ? null : await UntilEndAsync(_task).ConfigureAwait(false);
            stop.ThrowIfRequested();
            if (end is { End: AtomicEnd.Completed })
                return await ProveAsync(stop.Abort).ConfigureAwait(false);
            await JudgeAsync(end).ConfigureAwait(false);
        }
    }

    // A task for at least these slots between these nodes. The host lists itself as one end and may omit its own name.
    private bool IsTheSame(AtomicTask task, SlotSet left) => task.End == AtomicEnd.None
        && task.IsImport == ReferenceEquals(_server.Host, target)
        && (task.SourceId == source.Id || (task.SourceId.Length == 0 && !task.IsImport)) && task.TargetId == target.Id
        && left.Slots.All(task.Slots.Contains);

    // Returns null if the task was started, otherwise what has to end first.
    private async Task<string?> BeginAsync(AtomicObservation observed, SlotSet left)
    {
        if (_server.InTheWay(Running(observed.Host), Running(observed.Peer)).FirstOrDefault() is { } other)
            {
            var state = other.State + (other.Message.Length > 0 ? ", " + other.Message : string.Empty);
            return AtomicText.Of(other.Slots) + (other.Slots.Count == 1 ? " is" : " are") + " being migrated (" + state + ")";
        }


        _earlier = new HashSet<string>(observed.Host.Select(task => task.Id), StringComparer.Ordinal);
        (_task, _moving, _refusal) = (null, left, null);
        var command = _server.Begin(left);
        RespValue reply;
        try
        {
            var connection = await reader.ConnectAsync(_server.Host, stop.Abort).ConfigureAwait(false);
            reply = await connection.AskAsync(command, stop.Abort).ConfigureAwait(false);
        }
        catch (RedisConnectionException failure)
        {
            // The list shows whether the task was started.
            _refusal = failure;
            return null;
        }

        if (reply.IsError)
        {
            var refusal = AtomicRefusal.Of(reply.Text);
            if (refusal.Passes)
                return Printable.Clean(reply.Text);
            var text = _server.Host.Name + " rejected the command: " + Printable.Clean(reply.Text);
            var refused = AtomicText.Failed(refusal.Code, text, refusal.Next);
            // The owner has changed since it was read, or is about to change.
            _refusal = refusal.Code == FailureCode.SlotNotOwned ? refused : throw refused;
            return null;
        }

        _task = _server.Begun(reply, left, await Ends.ListAsync(stop.Abort).ConfigureAwait(false), _earlier);
        log?.State(null, "The servers are moving " + AtomicText.Of(left) + " from " + source.Name + " to " + target.Name);
        return null;
    }

    private static IReadOnlyList<AtomicTask> Running(IReadOnlyList<AtomicTask> listed) =>
        [.. listed.Where(task => task.End == AtomicEnd.None)];

    private async Task<AtomicTask?> UntilEndAsync(AtomicTask task)
    {
        try
        {
            return await new AtomicWatch(reader, _server, Ends, target, Limits, stop, Report).UntilEndAsync(task).ConfigureAwait(false);
        }
        finally
        {
            Ours.SignalEnd();
        }
    }

    private async Task AwaitTurnAsync(string reason, Task anotherEnds)
    {
        if (_turn?.Reason != reason)
            Report("waits for another migration: " + reason);
        _turn = (_turn?.Since ?? Clock.Now, reason);
        if (Clock.Now - _turn.Value.Since > Limits.Turn)
        {
            throw AtomicText.Failed(
                FailureCode.AnotherToolAtWork,
                "timed out waiting for another migration: " + reason,
                new NextAction(NextActionCode.ShowOpenSlots));
        }

        await (await Task.WhenAny(stop.PauseAsync(TurnPause), anotherEnds).ConfigureAwait(false)).ConfigureAwait(false);
    }

    // The last failure is reported only after the owners were read again, because they decide.
    private async Task JudgeAsync(AtomicTask? end)
    {
        var why = end is not null ? AtomicText.Why(end, _server.Host)
            : _refusal?.Message ?? _server.Host.Name + " no longer lists the task, as after a restart";
        var refusal = AtomicRefusal.Of(end?.Message ?? string.Empty);
        // A user or tool cancelled it, unless the server itself did because the owners changed.
        var cancelled = end is { End: AtomicEnd.Cancelled } && refusal.Code == FailureCode.ServerError;
        if (cancelled || refusal.Lasts || _attempts >= Limits.Attempts)
        {
            _trouble = _refusal ?? AtomicText.Failed(cancelled ? FailureCode.AnotherToolAtWork : refusal.Code, why, refusal.Next);
            return;
        }

        log?.Warning(null, "Moving " + What + ": " + why.TrimEnd('.') + ". Retrying.");
        await stop.PauseAsync(TurnPause).ConfigureAwait(false);
    }

    private Task<(bool Moved, string? Running)> CancelAsync() =>
        new AtomicCancel(reader, _server, Limits, Clock, Ours).TryAsync(_task, _moving, _earlier);

    private Task<string?> ProveAsync(CancellationToken cancellation) =>
        new AtomicCompletion(reader, Ends, source, target, slots, Limits, Clock).AwaitAsync(_task, cancellation);

    private async Task<string?> ProveInTimeAsync()
    {
        using var time = new CancellationTokenSource(Limits.Cancel);
        try
        {
            return await ProveAsync(time.Token).ConfigureAwait(false);
        }
        catch (RedisOperationException failure)
        {
            throw await ExplainAsync(failure).ConfigureAwait(false);
        }
    }

    private void Report(string text)
    {
        progress?.Invoke(text);
        log?.State(null, What + ": " + text);
    }

    // No task keeps running unobserved, and the message names the owner of the slots.
    private async Task<RedisOperationException> ExplainAsync(RedisOperationException failure)
    {
        var (_, running) = await CancelAsync().ConfigureAwait(false);
        using var time = new CancellationTokenSource(Limits.Cancel);
        var views = await Task.WhenAll(TryReadAsync(source, time.Token), TryReadAsync(target, time.Token)).ConfigureAwait(false);
        var text = "Moving " + What + " by the servers failed: " + failure.Message.TrimEnd('.') + ". "
            + AtomicText.OwnersOf(slots, source, target, views[0], views[1])
            + (running is null ? string.Empty : " The servers may still be moving them: " + running + ".");
        var advice = failure.Code is FailureCode.SlotStateUnsuitable or FailureCode.StalePlan or FailureCode.SlotNotOwned ? failure.Next
            : failure.Next is null || failure.Next == AtomicText.KeyByKey ? AtomicText.KeyByKey
            : failure.Next with { Or = AtomicText.KeyByKey };
        return new RedisOperationException(failure.Code, text, slots.ToString(), advice, failure);
    }

    private async Task<NodeView?> TryReadAsync(ClusterNode node, CancellationToken cancellation)
    {
        try
        {
            return (await reader.ReadViewThenTasksAsync(node, cancellation).ConfigureAwait(false)).View;
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return null;
        }
    }

    private static IAtomicServer ServerOf(ClusterNode source, ClusterNode target) => source.View?.Facts.Engine == ServerEngine.Valkey
        ? new ValkeyAtomicServer(source, target)
        : new RedisAtomicServer(source, target);
}
