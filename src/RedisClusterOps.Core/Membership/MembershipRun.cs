using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Membership;

/// <summary>
/// Sends the commands of a plan in order, waits for gossip where the next one needs it, and proves the result on every node.
/// </summary>
/// <param name="reader">Reads the cluster.</param>
/// <param name="plan">The plan that the user agreed to.</param>
/// <param name="current">The run of this invocation. Each change begins and ends one of its own.</param>
/// <param name="log">The log; null for none.</param>
internal sealed class MembershipRun(ClusterReader reader, MembershipPlan plan, CurrentRun current, OperationLog? log)
{
    // Gossip between few nodes takes seconds, and a node that restarts or synchronizes reports progress.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(2);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    // The next reading comes after an eighth of the time waited so far, so a wait takes an eighth longer at most.
    private const int PauseShare = 8;

    private int _sent;

    /// <returns>The cluster after the change, and the id of the run; null if nothing was sent.</returns>
    /// <exception cref="RedisOperationException">
    /// StalePlan, JournalBusy, AnotherToolAtWork or JournalUnavailable: nothing was changed. Otherwise the message says how many commands
    /// were sent.
    /// </exception>
    public async Task<(ClusterView View, string? RunId)> RunAsync(CancellationToken stop)
    {
        var request = plan.Request!;
        if (plan.Steps.Count == 0)
            return (await SendAllAsync(stop).ConfigureAwait(false), null);
        var situation = await request.ReadAsync(reader, stop).ConfigureAwait(false);
        var options = new MoveOptions { JournalPath = plan.JournalPath };
        // The drain of the same invocation has a run of its own.
        current.Dispose();
        await current.BeginAsync(plan.Kind, null, situation.View, options, stop, plan).ConfigureAwait(false);
        var journal = current.Journal;
        try
        {
            // A person may have thought about the plan for long, and another run may have ended since.
            situation = await request.ReadAsync(reader, stop).ConfigureAwait(false);
            var now = request.Plan(situation) with { Request = request };
            if (!IsPartOf(now.Commands, plan.Commands))
            {
                throw new RedisOperationException(
                    FailureCode.StalePlan,
                    "The nodes changed since the commands were shown. Nothing was changed.",
                    plan.Node,
                    NextAction.Advise("run the same command again"));
            }

            plan = now;
            return (await SendAllAsync(stop).ConfigureAwait(false), journal?.Id);
        }
        catch (RedisOperationException failure) when (journal is not null)
        {
            journal.Failure = failure;
            throw;
        }
        finally
        {
            // The next change announces itself under its own id.
            current.Dispose();
        }
    }

    // Commands whose effect has arrived meanwhile, such as gossip about an earlier change, are not needed any more.
    private static bool IsPartOf(IReadOnlyList<PlannedCommand> left, IReadOnlyList<PlannedCommand> agreed)
    {
        var matched = 0;
        foreach (var command in agreed)
        {
            if (matched < left.Count && left[matched] == command)
                matched++;
        }

        return matched == left.Count;
    }

    private async Task<ClusterView> SendAllAsync(CancellationToken stop)
    {
        try
        {
            foreach (var step in plan.Steps)
            {
                if (step.After is { } condition)
                    await WaitAsync(condition, stop).ConfigureAwait(false);
                await SendAsync(step, stop).ConfigureAwait(false);
                _sent++;
            }

            return await WaitAsync(plan.Proof, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw Ended(new RedisOperationException(FailureCode.Stopped, "The change of " + plan.Node + " was stopped.", plan.Node));
        }
        catch (RedisOperationException failure)
        {
            throw Ended(failure);
        }
    }

    private async Task SendAsync(MembershipStep step, CancellationToken stop)
    {
        var connection = await reader.ConnectAsync(step.Node, stop).ConfigureAwait(false);
        var reply = await connection.AskAsync(step.Command, stop).ConfigureAwait(false);
        if (!reply.IsError || step.IsDoneBy?.Invoke(reply.Text) != true)
            reply.OrThrow(connection.Endpoint, step.Command);
        log?.State(null, step.Node.Name + ": " + step.Command);
    }

    // A node may be restarting or busy while it changes its role, so a view without it is only what is missing now.
    private async Task<ClusterView> WaitAsync(Condition condition, CancellationToken stop)
    {
        var (started, changed, last) = (reader.Clock.Now, reader.Clock.Now, string.Empty);
        var sent = started;
        while (true)
        {
            var view = await plan.Request!.ReadClusterAsync(reader, stop).ConfigureAwait(false);
            if (condition(view) is not { } missing)
                return view;
            var now = reader.Clock.Now;
            if (missing.Text != last)
                (last, changed) = (missing.Text, now);
            if (now - changed > Patience || now - started > Longest)
                throw Unconfirmed(missing, now - started);
            if (now - sent >= missing.AgainAfter)
            {
                foreach (var step in missing.Again)
                    await SendAsync(step, stop).ConfigureAwait(false);
                sent = now;
            }

            log?.Progress(new OperationEvent { Kind = OperationEventKind.Progress, Message = missing.Text, Elapsed = now - started });
            var pause = Math.Min(LongestPause.Ticks, Math.Max(ShortestPause.Ticks, (now - started).Ticks / PauseShare));
            await reader.Clock.PauseAsync(new TimeSpan(pause), stop).ConfigureAwait(false);
        }
    }

    private RedisOperationException Unconfirmed(Missing missing, TimeSpan waited) => new(
        FailureCode.ChangeNotConfirmed,
        string.Format(
            CultureInfo.InvariantCulture, "{0} is not {1} after {2:0} s: {3}.", plan.Node, plan.After, waited.TotalSeconds, missing.Text),
        plan.Node,
        missing.Next);

    private RedisOperationException Ended(RedisOperationException failure)
    {
        var state = _sent == 0 ? "No command was confirmed."
            : string.Format(CultureInfo.InvariantCulture, "{0} of {1} commands took effect.", _sent, plan.Steps.Count);
        return new RedisOperationException(
            failure.Code,
            failure.Message.TrimEnd('.') + ". " + (plan.Steps.Count == 0 ? "Nothing was changed." : state),
            failure.Subject ?? plan.Node,
            failure.Next ?? NextAction.Advise("run the same command again: it reads the nodes and continues"),
            failure)
        {
            ConcernsOneNode = true,
        };
    }
}
