using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Takes a move by the servers back, while it can be: until the slots change hands nothing has happened to them.</summary>
internal sealed class AtomicCancel(ClusterReader reader, IAtomicServer server, AtomicLimits limits, IClock clock, BegunTasks ours)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PeerPatience = TimeSpan.FromSeconds(1);

    /// <summary>Cancels the task and waits until both ends have let go of it.</summary>
    /// <param name="task">Null where its beginning was under way, and it may be there under an id that nobody has read.</param>
    /// <param name="moving">What it was to move; null where none was begun.</param>
    /// <param name="earlier">Ids that were there before it.</param>
    /// <returns>Whether it has completed after all; and why it may still run, null where it does not.</returns>
    public async Task<(bool Moved, string? Running)> TryAsync(AtomicTask? task, SlotSet? moving, ISet<string> earlier)
    {
        if (moving is null)
            return (false, null);
        var changesHands = false;
        using var time = new CancellationTokenSource(limits.Cancel);
        try
        {
            while (true)
            {
                var listed = await reader.ReadTasksAsync(server.Host, time.Token).ConfigureAwait(false);
                var now = listed.FirstOrDefault(entry => task is null ? IsNew(entry, moving, earlier) : entry.Id == task.Id);
                if (now is null || now.End != AtomicEnd.None)
                    return (now is { End: AtomicEnd.Completed }, null);
                if (!now.Slots.Equals(moving))
                    return (false, "that task moves other slots too, so it is not ours to cancel");
                var others = server.EndedWith(now, listed).Count(other => !ours.Contains(other.Id));
                if (others > 0)
                    return (false, server.Host.Name + " could only cancel it together with " + others.ToString(CultureInfo.InvariantCulture) + " that somebody else began");

                var connection = await reader.ConnectAsync(server.Host, time.Token).ConfigureAwait(false);
                var reply = await connection.AskAsync(server.Cancel(now, ours.Ids), time.Token).ConfigureAwait(false);
                changesHands = server.IsTooLate(reply);
                if (changesHands)
                {
                    await clock.PauseAsync(Pause, time.Token).ConfigureAwait(false);
                    continue;
                }

                // "No migrations ongoing": it has ended in between, or another of our moves has cancelled it with its own.
                if (reply.IsError && !ServerErrors.Contains(reply.Text, "No migrations"))
                    return (false, server.Host.Name + " did not cancel it: " + Printable.Clean(reply.Text).TrimEnd('.'));
                return await AwaitEndAsync(now, time.Token).ConfigureAwait(false);
            }
        }
        catch (RedisOperationException failure)
        {
            return (false, "it could not be cancelled: " + failure.Message.TrimEnd('.'));
        }
        catch (OperationCanceledException)
        {
            return (false, changesHands ? "they were changing hands, and to cancel that could cost what clients write" : "it was not seen to be cancelled in time");
        }
    }

    private static bool IsNew(AtomicTask entry, SlotSet moving, ISet<string> earlier) =>
        !earlier.Contains(entry.Id) && entry.Slots.Equals(moving);

    private async Task<(bool Moved, string? Running)> AwaitEndAsync(AtomicTask task, CancellationToken cancellation)
    {
        while (true)
        {
            var listed = await reader.ReadTasksAsync(server.Host, cancellation).ConfigureAwait(false);
            var host = listed.FirstOrDefault(entry => entry.Id == task.Id);
            if (host is { End: AtomicEnd.Completed })
                return (true, null);
            if (host is null or { End: not AtomicEnd.None } && await PeerLetGoAsync(task, cancellation).ConfigureAwait(false))
                return (false, null);
            await clock.PauseAsync(Pause, cancellation).ConfigureAwait(false);
        }
    }

    // A peer that does not answer will notice when it does: the one that decides has let go.
    private async Task<bool> PeerLetGoAsync(AtomicTask task, CancellationToken cancellation)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        time.CancelAfter(PeerPatience);
        try
        {
            // Redis lists each attempt of a task on the source.
            var listed = await reader.ReadTasksAsync(server.Peer, time.Token).ConfigureAwait(false);
            return !listed.Any(entry => entry.Id == task.Id && entry.End == AtomicEnd.None);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return true;
        }
    }
}
