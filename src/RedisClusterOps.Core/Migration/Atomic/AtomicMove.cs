using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Has the servers move whole slots from one master to another: all of them change hands at once, or none does.</summary>
/// <remarks>
/// What the nodes say of the owner decides, never what a list says of a task: lists are lost in a restart. Whoever runs it again after a
/// crash finds the task that still runs, and begins no other.
/// </remarks>
internal sealed class AtomicMove(ClusterReader reader, ClusterNode source, ClusterNode target, SlotSet slots, OperationLog? log, StopRequest stop, Action<string>? progress = null)
{
    private static readonly TimeSpan TurnPause = TimeSpan.FromMilliseconds(100);

    private readonly IAtomicServer _server = source.View?.Facts.Engine == ServerEngine.Valkey
        ? new ValkeyAtomicServer(source, target)
        : new RedisAtomicServer(source, target);

    // The task in hand, the slots that it is to move, and the ids that were there before it.
    private AtomicTask? _task;
    private SlotSet? _moving;
    private HashSet<string> _earlier = new(StringComparer.Ordinal);
    private bool _adopted;
    private int _attempts;
    private RedisOperationException? _refusal;
    private RedisOperationException? _trouble;
    private (TimeSpan Since, string Reason)? _turn;

    /// <summary>How long, and how often.</summary>
    public AtomicLimits Limits { get; init; } = new();

    /// <summary>Tasks of this run, of other pairs of nodes too.</summary>
    public BegunTasks Ours { get; init; } = new();

    private IClock Clock => stop.Clock;

    private AtomicEnds Ends => new(reader, _server, source, target, Limits, log, Clock);

    private string What => AtomicText.Of(slots) + " from " + source.Name + " to " + target.Name;

    /// <summary>Moves them, and proves that they have moved.</summary>
    /// <exception cref="RedisOperationException">They have not, or only some: the message says what was given away.</exception>
    /// <exception cref="OperationCanceledException">A stop was asked for, and came in time: they are where they were, unless the message says that the servers go on.</exception>
    public async Task<AtomicOutcome> RunAsync()
    {
        var started = Clock.Now;
        try
        {
            return Outcome(await MoveAsync().ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            var (moved, running) = await new AtomicCancel(reader, _server, Limits, Clock, Ours).TryAsync(_task, _moving, _earlier).ConfigureAwait(false);
            // It came too late: then it is better known than left open.
            if (moved)
                return Outcome(await ProveInTimeAsync().ConfigureAwait(false));
            if (running is null)
                throw;
            var told = "The servers go on to move " + What + ": " + running + ".";
            log?.Warning(null, told);
            throw new OperationCanceledException(told);
        }
        catch (RedisOperationException failure)
        {
            throw await ExplainedAsync(failure).ConfigureAwait(false);
        }

        AtomicOutcome Outcome(string? note) => new(_adopted, _attempts, Clock.Now - started, note);
    }

    private async Task<string?> MoveAsync()
    {
        while (true)
        {
            stop.ThrowIfRequested();
            var anotherEnds = Ours.NextEnd;
            var look = await Ends.SettledAsync(slots, stop.Abort).ConfigureAwait(false);
            var left = AtomicReadiness.Left(look, slots, source, target);
            if (left.Count == 0)
                return await ProveAsync(stop.Abort).ConfigureAwait(false);
            if (_trouble is not null)
                throw _trouble;

            if (look.Host.FirstOrDefault(task => IsTheSame(task, left)) is { } running)
            {
                _adopted |= _attempts == 0;
                (_task, _moving, _refusal) = (running, left, null);
                Report("is under way already, and is waited for");
            }
            else
            {
                AtomicReadiness.Require(look, source, target);
                if (await BeginAsync(look, left).ConfigureAwait(false) is { } reason)
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

    // At least these slots, between these nodes. The side that is told lists itself as one end; a name that it leaves out is no other's.
    private bool IsTheSame(AtomicTask task, SlotSet left) => task.End == AtomicEnd.None
        && task.IsImport == ReferenceEquals(_server.Host, target)
        && (task.SourceId == source.Id || (task.SourceId.Length == 0 && !task.IsImport)) && task.TargetId == target.Id
        && left.Slots.All(task.Slots.Contains);

    // Null where it is begun, else what has to end first.
    private async Task<string?> BeginAsync(AtomicLook look, SlotSet left)
    {
        if (_server.InTheWay(Running(look.Host), Running(look.Peer)).FirstOrDefault() is { } other)
            return AtomicText.Of(other.Slots) + " are on the way there (" + other.State + (other.Message.Length > 0 ? ", " + other.Message : string.Empty) + ")";

        _earlier = new HashSet<string>(look.Host.Select(task => task.Id), StringComparer.Ordinal);
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
            // Whether it was begun all the same shows in the list.
            _refusal = failure;
            return null;
        }

        if (reply.IsError)
        {
            var refusal = AtomicRefusal.Of(reply.Text);
            if (refusal.Passes)
                return Printable.Clean(reply.Text);
            var refused = AtomicText.Failed(refusal.Code, _server.Host.Name + " refused it: " + Printable.Clean(reply.Text), refusal.Next);
            // The owner has changed since it was read a moment ago, or is about to.
            _refusal = refusal.Code == FailureCode.SlotNotOwned ? refused : throw refused;
            return null;
        }

        _task = _server.Begun(reply, left, await Ends.ListAsync(stop.Abort).ConfigureAwait(false), _earlier);
        log?.State(null, "The servers move " + AtomicText.Of(left) + " from " + source.Name + " to " + target.Name);
        return null;
    }

    private static IReadOnlyList<AtomicTask> Running(IReadOnlyList<AtomicTask> listed) => [.. listed.Where(task => task.End == AtomicEnd.None)];

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
            Report("waits for its turn: " + reason);
        _turn = (_turn?.Since ?? Clock.Now, reason);
        if (Clock.Now - _turn.Value.Since > Limits.Turn)
            throw AtomicText.Failed(FailureCode.AnotherToolAtWork, "its turn has not come: " + reason, new NextAction(NextActionCode.ShowOpenSlots));
        await (await Task.WhenAny(stop.PauseAsync(TurnPause), anotherEnds).ConfigureAwait(false)).ConfigureAwait(false);
    }

    // What went wrong for the last time is told only once the owners have been read again: they decide.
    private async Task JudgeAsync(AtomicTask? end)
    {
        var why = end is not null ? AtomicText.Why(end, _server.Host)
            : _refusal?.Message ?? _server.Host.Name + " lists it no more, as after a restart";
        var refusal = AtomicRefusal.Of(end?.Message ?? string.Empty);
        // Somebody wanted it to end; unless the server itself did, because the owners have changed.
        var cancelled = end is { End: AtomicEnd.Cancelled } && refusal.Code == FailureCode.ServerError;
        if (cancelled || refusal.Lasts || _attempts >= Limits.Attempts)
        {
            _trouble = _refusal ?? AtomicText.Failed(cancelled ? FailureCode.AnotherToolAtWork : refusal.Code, why, refusal.Next);
            return;
        }

        log?.Warning(null, "Moving " + What + ": " + why.TrimEnd('.') + ". It is begun again.");
        await stop.PauseAsync(TurnPause).ConfigureAwait(false);
    }

    private Task<string?> ProveAsync(CancellationToken cancellation) => new AtomicCompletion(reader, Ends, source, target, slots, Limits, Clock).AwaitAsync(_task, cancellation);

    private async Task<string?> ProveInTimeAsync()
    {
        using var time = new CancellationTokenSource(Limits.Cancel);
        try
        {
            return await ProveAsync(time.Token).ConfigureAwait(false);
        }
        catch (RedisOperationException failure)
        {
            throw await ExplainedAsync(failure).ConfigureAwait(false);
        }
    }

    private void Report(string text)
    {
        progress?.Invoke(text);
        log?.State(null, What + ": " + text);
    }

    // Nothing is left running that nobody watches, and nobody has to guess whose the slots are.
    private async Task<RedisOperationException> ExplainedAsync(RedisOperationException failure)
    {
        var (_, running) = await new AtomicCancel(reader, _server, Limits, Clock, Ours).TryAsync(_task, _moving, _earlier).ConfigureAwait(false);
        using var time = new CancellationTokenSource(Limits.Cancel);
        var views = await Task.WhenAll(TryReadAsync(source, time.Token), TryReadAsync(target, time.Token)).ConfigureAwait(false);
        var told = "Moving " + What + " by the servers failed: " + failure.Message.TrimEnd('.') + ". "
            + AtomicText.WhoOwns(slots, source, target, views[0], views[1])
            + (running is null ? string.Empty : " The servers may go on: " + running + ".");
        var advice = failure.Code is FailureCode.SlotStateUnsuitable or FailureCode.StalePlan or FailureCode.SlotNotOwned ? failure.Next
            : failure.Next is null || failure.Next == AtomicText.KeyByKey ? AtomicText.KeyByKey
            : failure.Next with { Or = AtomicText.KeyByKey };
        return new RedisOperationException(failure.Code, told, slots.ToString(), advice, failure);
    }

    private async Task<NodeView?> TryReadAsync(ClusterNode node, CancellationToken cancellation)
    {
        try
        {
            return (await reader.ReadEndAsync(node, cancellation).ConfigureAwait(false)).View;
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return null;
        }
    }
}
