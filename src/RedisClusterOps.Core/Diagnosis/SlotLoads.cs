using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>Reads the load of the slots from their owners (CLUSTER SLOT-STATS).</summary>
internal sealed class SlotLoads(ClusterReader reader, RedisClusterSession session)
{
    /// <summary>Reads all slots of these masters.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="masters">The masters, reachable or not.</param>
    /// <param name="needed">The value that every slot must have.</param>
    /// <param name="interval">How long to count CPU time and bytes; null to take what the servers have counted so far.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <returns>The slots, and why those of some masters are missing.</returns>
    /// <exception cref="RedisOperationException">PermissionDenied. What went wrong, if no master can be read.</exception>
    public async Task<(IReadOnlyList<RedisSlotLoad> Loads, IReadOnlyList<RedisOperationException> Failures)> ReadAsync(
        ClusterView view, IReadOnlyList<ClusterNode> masters, SlotLoadMeasure needed, TimeSpan? interval, CancellationToken cancellation)
    {
        var read = await FanOut.AllAsync(masters, ReadOneAsync, cancellation).ConfigureAwait(false);
        var failures = read.Select(master => master.Failure).OfType<RedisOperationException>().ToList();
        if (failures.Count > 0 && failures.Count == masters.Count)
            throw failures[0];
        return (read.SelectMany(master => master.Loads).ToList(), failures);

        async Task<(IReadOnlyList<RedisSlotLoad> Loads, RedisOperationException? Failure)> ReadOneAsync(ClusterNode master)
        {
            try
            {
                return (await ReadAsync(view, master, needed, interval, cancellation).ConfigureAwait(false), null);
            }
            catch (RedisOperationException failure) when (failure.Code != FailureCode.PermissionDenied)
            {
                return ([], failure);
            }
        }
    }

    private async Task<IReadOnlyList<RedisSlotLoad>> ReadAsync(
        ClusterView view, ClusterNode master, SlotLoadMeasure needed, TimeSpan? interval, CancellationToken cancellation)
    {
        if (master.View is not { } read)
            throw NodeVerdict.Of(view, master).Refused("The load of its slots is unknown");
        var connection = await reader.ConnectAsync(master, cancellation).ConfigureAwait(false);
        // Without the right to INFO the version is unknown. The node's own refusal names that right.
        if (read.Facts.Engine == ServerEngine.Unknown)
            await connection.SendAsync(RespCommand.Of("INFO"), cancellation).ConfigureAwait(false);
        if (!SlotStat.IsSupportedBy(read.Facts))
        {
            throw new RedisOperationException(
                FailureCode.NotSupported,
                master.Name + " runs " + read.Facts.Engine + " " + read.Facts.Version
                    + ", which does not count the load of slots. Redis 8.2 and Valkey 8.0, and later, do.",
                master.Name,
                new NextAction(NextActionCode.ShowVersions));
        }

        var before = interval is null ? null : await AskAsync(connection, cancellation).ConfigureAwait(false);
        var started = reader.Clock.Now;
        if (interval is { } wait)
            await reader.Clock.PauseAsync(wait, cancellation).ConfigureAwait(false);
        var stats = await AskAsync(connection, cancellation).ConfigureAwait(false);
        var elapsed = interval is null ? (TimeSpan?)null : reader.Clock.Now - started;
        var loads = stats.Values.OrderBy(stat => stat.Slot).Select(stat =>
        {
            var earlier = before is not null && before.TryGetValue(stat.Slot, out var known) ? known : null;
            return new RedisSlotLoad
            {
                Slot = stat.Slot,
                Node = master.Name,
                NodeId = master.Id,
                Keys = stat.Keys,
                MemoryBytes = stat.Bytes,
                CpuMicroseconds = Since(earlier?.CpuMicroseconds, stat.CpuMicroseconds),
                NetworkInBytes = Since(earlier?.InputBytes, stat.InputBytes),
                NetworkOutBytes = Since(earlier?.OutputBytes, stat.OutputBytes),
                Interval = elapsed,
                Cluster = session,
            };
        }).ToList();
        return loads.Any(load => load.Of(needed) is null) ? throw NotCounted(master, read.Facts, needed) : loads;
    }

    private async Task<IReadOnlyDictionary<int, SlotStat>> AskAsync(INodeConnection connection, CancellationToken cancellation) =>
        SlotStat.Parse(await connection.SendAsync(SlotStat.Command, cancellation, session.CommandTimeout).ConfigureAwait(false));

    // A count that fell began again: the slot left and returned, or the counters were reset.
    private static long? Since(long? before, long? now) => before is { } first && now >= first ? now - first : now;

    private static RedisOperationException NotCounted(ClusterNode master, ServerFacts facts, SlotLoadMeasure needed)
    {
        var isMemory = needed == SlotLoadMeasure.Memory;
        var what = isMemory ? "the memory" : needed == SlotLoadMeasure.Cpu ? "the CPU time" : "the network bytes";
        var hasKinds = facts.Engine == ServerEngine.Redis && facts.IsAtLeast(8, 4);
        var canCount = !isMemory || hasKinds;
        return new RedisOperationException(
            FailureCode.NotSupported,
            master.Name + " does not count " + what + " of slots: "
                + (canCount ? "its setting cluster-slot-stats-enabled is off." : "only Redis 8.4 and later do."),
            master.Name,
            NextAction.Advise(!canCount ? "order by another measure"
                : isMemory ? "cluster-slot-stats-enabled yes in the configuration file of every master, and a restart"
                // Here "yes" includes memory, which a running server refuses.
                : "CONFIG SET cluster-slot-stats-enabled " + (hasKinds ? "\"cpu net\"" : "yes")
                    + " on every master; it counts from then on"));
    }
}
