using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>
/// Cancels an atomic migration while that is possible: until the servers hand over the slots, nothing has happened to them.
/// </summary>
internal sealed class AtomicCancel(ClusterReader reader, IAtomicServer server, AtomicLimits limits, IClock clock, BegunTasks ours)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PeerPatience = TimeSpan.FromSeconds(1);

    /// <summary>Cancels the task and waits until both ends have released it.</summary>
    /// <param name="task">Null if the task was being started and its id has not been read.</param>
    /// <param name="moving">The slots that the task moves; null if no task was started.</param>
    /// <param name="earlier">Ids that were listed before it.</param>
    /// <returns>Whether the task completed; and why it may still be running, null if it is not.</returns>
    public async Task<(bool Moved, string? Running)> TryAsync(AtomicTask? task, SlotSet? moving, ISet<string> earlier)
    {
        if (moving is null)
            return (false, null);
        var isHandingOver = false;
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
                    return (false, "the task also moves other slots, so this run does not cancel it");
                var others = server.EndedWith(now, listed).Count(other => !ours.Contains(other.Id));
                if (others > 0)
                {
                    var foreign = Count(others, "task") + " of another run or tool";
                    return (false, server.Host.Name + " can cancel it only together with " + foreign);
                }

                var connection = await reader.ConnectAsync(server.Host, time.Token).ConfigureAwait(false);
                var reply = await connection.AskAsync(server.Cancel(now, ours.Ids), time.Token).ConfigureAwait(false);
                isHandingOver = server.IsTooLate(reply);
                if (isHandingOver)
                {
                    await clock.PauseAsync(Pause, time.Token).ConfigureAwait(false);
                    continue;
                }

                // "No migrations ongoing": it ended in between, or another move of this run cancelled it together with its own task.
                if (reply.IsError && !ServerErrors.Contains(reply.Text, "No migrations"))
                    return (false, server.Host.Name + " rejected the cancellation: " + Printable.Clean(reply.Text).TrimEnd('.'));
                return await AwaitEndAsync(now, time.Token).ConfigureAwait(false);
            }
        }
        catch (RedisOperationException failure)
        {
            return (false, "the cancellation failed: " + failure.Message.TrimEnd('.'));
        }
        catch (OperationCanceledException)
        {
            return (false, isHandingOver
                ? "the slots were being handed over, and a cancellation could lose writes of clients"
                : "the cancellation could not be confirmed in time");
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
            if (host is null or { End: not AtomicEnd.None } && await HasPeerReleasedAsync(task, cancellation).ConfigureAwait(false))
                return (false, null);
            await clock.PauseAsync(Pause, cancellation).ConfigureAwait(false);
        }
    }

    // The host decides, and it has released the task. A peer that does not answer finds that out when it does.
    private async Task<bool> HasPeerReleasedAsync(AtomicTask task, CancellationToken cancellation)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        time.CancelAfter(PeerPatience);
        try
        {
            // The source lists each attempt of a Redis task.
            var listed = await reader.ReadTasksAsync(server.Peer, time.Token).ConfigureAwait(false);
            return !listed.Any(entry => entry.Id == task.Id && entry.End == AtomicEnd.None);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return true;
        }
    }
}
