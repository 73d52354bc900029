using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Verifies that the servers have moved slots: both ends report the target as the owner, and the task as completed.</summary>
internal sealed class AtomicCompletion(
    ClusterReader reader, AtomicEnds ends, ClusterNode source, ClusterNode target, SlotSet slots, AtomicLimits limits, IClock clock)
{
    private const string TrimRunning = "cluster_slot_migration_active_trim_running";

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Completes when both ends agree, and the source has deleted the keys that it handed over.</summary>
    /// <param name="task">The task that moved the slots; null if none is known, and only the owners count.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>A remark for the user; null if there is none.</returns>
    /// <exception cref="RedisOperationException">ClusterViewConflict or ServerError: the two ends do not agree in time.</exception>
    public async Task<string?> AwaitAsync(AtomicTask? task, CancellationToken cancellation)
    {
        var started = clock.Now;
        await Polling.UntilAsync(
            async () => Objection(await ends.ObserveAsync(cancellation).ConfigureAwait(false), task) is not { } objection
                || (clock.Now - started > limits.Agreement ? throw objection : false),
            FirstPause,
            LongestPause,
            pause => clock.PauseAsync(pause, cancellation)).ConfigureAwait(false);
        return await AwaitTrimAsync(cancellation).ConfigureAwait(false);
    }

    private RedisOperationException? Objection(AtomicObservation now, AtomicTask? task)
    {
        foreach (var (node, view) in new[] { (source, now.Source), (target, now.Target) })
        {
            var objections = slots.Slots.Select(slot => OwnershipVerifier.Objection(node, view, target.Id, slot));
            if (objections.FirstOrDefault(objection => objection is not null) is { } text)
                return AtomicText.Failed(FailureCode.ClusterViewConflict, text, new NextAction(NextActionCode.CheckCluster));
        }

        // A list without the task was lost in a restart, and proves nothing. Nor does a source that cancelled the task because its replica
        // took its place: a target of Redis received the rest from that replica.
        foreach (var listed in task is null ? [] : new[] { now.Host, now.Peer })
        {
            List<AtomicTask> entries = [.. listed.Where(entry => entry.Id == task!.Id)];
            if (ReferenceEquals(listed, now.Peer) && !now.Source.Self.IsMaster
                && entries.TrueForAll(entry => entry.End == AtomicEnd.Cancelled)
                && now.Host.Any(entry => entry.Id == task!.Id && entry.End == AtomicEnd.Completed))
                continue;
            if (entries.Count > 0 && entries.TrueForAll(entry => entry.End != AtomicEnd.Completed))
            {
                return AtomicText.Failed(
                    FailureCode.ServerError,
                    target.Name + " owns them, but the " + (entries[0].IsImport ? "target" : "source")
                        + " reports '" + entries[0].State + "'" + (entries[0].Message.Length > 0 ? ": " + entries[0].Message : string.Empty)
                        + ". Writes that arrived during the handover may be lost",
                    new NextAction(NextActionCode.CheckCluster) { Options = NextActionOptions.Deep });
            }
        }

        return null;
    }

    /// <remarks>
    /// Redis deletes the keys that it handed over in a background thread, at once for all clients. If a client tracks keys, Redis deletes
    /// them one by one, still hidden, and accepts other commands meanwhile. Only a restart during that time would bring the keys back.
    /// </remarks>
    private async Task<string?> AwaitTrimAsync(CancellationToken cancellation)
    {
        var started = clock.Now;
        string? remark = null;
        try
        {
            await Polling.UntilAsync(
                async () =>
                {
                    if (!await IsTrimmingAsync(cancellation).ConfigureAwait(false))
                        return true;
                    if (clock.Now - started > limits.Trim)
                        remark = source.Name + " is still deleting the keys that it handed over; clients do not see them.";
                    return remark is not null;
                },
                FirstPause,
                LongestPause,
                pause => clock.PauseAsync(pause, cancellation)).ConfigureAwait(false);
            return remark;
        }
        catch (Exception failure) when (failure is OperationCanceledException or RedisOperationException)
        {
            return source.Name + " may still be deleting the keys that it handed over; clients do not see them.";
        }
    }

    private async Task<bool> IsTrimmingAsync(CancellationToken cancellation)
    {
        var connection = await reader.ConnectAsync(source, cancellation).ConfigureAwait(false);
        var reply = await connection.AskAsync(RespCommand.Of("CLUSTER", "INFO"), cancellation).ConfigureAwait(false);
        return !reply.IsError && ServerFacts.ParseFields(reply.Text).TryGetValue(TrimRunning, out var text)
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var running) && running != 0;
    }
}
