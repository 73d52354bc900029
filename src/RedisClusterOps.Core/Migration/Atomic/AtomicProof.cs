using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>The proof that slots have moved: both ends say so, and both take the target for the owner.</summary>
internal sealed class AtomicProof(ClusterReader reader, AtomicEnds ends, ClusterNode source, ClusterNode target, SlotSet slots, AtomicLimits limits, IClock clock)
{
    private const string TrimRunning = "cluster_slot_migration_active_trim_running";

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Waits for it.</summary>
    /// <param name="task">The task that did it; null where none is known, and the owners alone tell.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>What else is to be known; null where there is nothing.</returns>
    /// <exception cref="RedisOperationException">ClusterViewConflict or ServerError: they do not say so in time.</exception>
    public async Task<string?> AwaitAsync(AtomicTask? task, CancellationToken cancellation)
    {
        var pause = FirstPause;
        for (var started = clock.Now; ;)
        {
            var look = await ends.ObserveAsync(cancellation).ConfigureAwait(false);
            if (Complaint(look, task) is not { } complaint)
                break;
            if (clock.Now - started > limits.Agreement)
                throw complaint;
            await clock.PauseAsync(pause, cancellation).ConfigureAwait(false);
            pause = pause + pause > LongestPause ? LongestPause : pause + pause;
        }

        return await AwaitTrimAsync(cancellation).ConfigureAwait(false);
    }

    private RedisOperationException? Complaint(AtomicObservation look, AtomicTask? task)
    {
        foreach (var (node, view) in new[] { (source, look.Source), (target, look.Target) })
        {
            var other = slots.Slots.Where(slot => view.OwnerOf(slot) != target.Id).DefaultIfEmpty(-1).First();
            if (other >= 0)
                return AtomicText.Failed(FailureCode.ClusterViewConflict, node.Name + " does not take " + target.Name + " for the owner of slot " + SlotSet.From([other]), "Test-RedisCluster");
        }

        // A list that does not name it was lost in a restart, and says nothing. Nor does a source that ended it because its replica took its place:
        // a target of Redis got the rest from that one.
        foreach (var listed in task is null ? [] : new[] { look.Host, look.Peer })
        {
            List<AtomicTask> entries = [.. listed.Where(entry => entry.Id == task!.Id)];
            if (ReferenceEquals(listed, look.Peer) && !look.Source.Self.IsMaster && entries.TrueForAll(entry => entry.End == AtomicEnd.Cancelled)
                && look.Host.Any(entry => entry.Id == task!.Id && entry.End == AtomicEnd.Completed))
                continue;
            if (entries.Count > 0 && entries.TrueForAll(entry => entry.End != AtomicEnd.Completed))
            {
                return AtomicText.Failed(
                    FailureCode.ServerError,
                    target.Name + " owns them, but the " + (entries[0].IsImport ? "target" : "source") + " says '" + entries[0].State + "'"
                        + (entries[0].Message.Length > 0 ? ": " + entries[0].Message : string.Empty) + ". Writes of the moment of the hand-over may be lost",
                    "Test-RedisCluster -Deep");
            }
        }

        return null;
    }

    /// <summary>
    /// Redis deletes what it gave away in a thread beside, at once for all who ask; but key by key, and still hidden, where a client wants to
    /// be told of every key that goes. It takes new orders meanwhile. Only a restart in that time would find the keys again.
    /// </summary>
    private async Task<string?> AwaitTrimAsync(CancellationToken cancellation)
    {
        var pause = FirstPause;
        for (var started = clock.Now; ;)
        {
            try
            {
                var connection = await reader.ConnectAsync(source, cancellation).ConfigureAwait(false);
                var reply = await connection.AskAsync(RespCommand.Of("CLUSTER", "INFO"), cancellation).ConfigureAwait(false);
                var fields = reply.IsError ? new Dictionary<string, string>() : ServerFacts.ParseFields(reply.Text);
                if (!fields.TryGetValue(TrimRunning, out var text) || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var running) || running == 0)
                    return null;
                if (clock.Now - started > limits.Trim)
                    return source.Name + " still deletes the keys that it gave away; clients do not see them.";
                await clock.PauseAsync(pause, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is OperationCanceledException or RedisOperationException)
            {
                return source.Name + " may still be deleting the keys that it gave away; clients do not see them.";
            }

            pause = pause + pause > LongestPause ? LongestPause : pause + pause;
        }
    }
}
