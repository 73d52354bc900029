using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>The differences between the servers that have atomic slot migration.</summary>
internal interface IAtomicServer
{
    /// <summary>The end that gets the commands and whose list of tasks decides.</summary>
    ClusterNode Host { get; }

    /// <summary>The other end.</summary>
    ClusterNode Peer { get; }

    /// <summary>The command that starts the migration.</summary>
    RespCommand Begin(SlotSet slots);

    /// <summary>The task that <see cref="Begin"/> started; null if it is not listed.</summary>
    /// <param name="reply">The reply to the command.</param>
    /// <param name="slots">The slots to move.</param>
    /// <param name="listed">The tasks that the host lists now.</param>
    /// <param name="earlier">Ids that the host listed before.</param>
    AtomicTask? Begun(RespValue reply, SlotSet slots, IReadOnlyList<AtomicTask> listed, ISet<string> earlier);

    /// <summary>The command that cancels a task, unless that could lose a write by now.</summary>
    /// <param name="task">The task.</param>
    /// <param name="ours">Ids of other tasks that may be cancelled together with it.</param>
    RespCommand Cancel(AtomicTask task, IEnumerable<string> ours);

    /// <summary>
    /// True if the reply to <see cref="Cancel"/> means that the slots are being handed over. The caller then has to wait.
    /// </summary>
    bool IsTooLate(RespValue reply);

    /// <summary>Other tasks that <see cref="Cancel"/> would cancel, too.</summary>
    IEnumerable<AtomicTask> EndedWith(AtomicTask task, IReadOnlyList<AtomicTask> listed);

    /// <summary>Running tasks of host and peer that prevent the start of another.</summary>
    IEnumerable<AtomicTask> InTheWay(IReadOnlyList<AtomicTask> host, IReadOnlyList<AtomicTask> peer);
}

/// <summary>
/// Redis 8.4 and later: the target gets the command and returns the id of the task. A node takes part in one task at a time, as either end.
/// </summary>
internal sealed class RedisAtomicServer(ClusterNode source, ClusterNode target) : IAtomicServer
{
    public ClusterNode Host => target;

    public ClusterNode Peer => source;

    public RespCommand Begin(SlotSet slots) =>
        RespCommand.Of(["CLUSTER", "MIGRATION", "IMPORT", .. slots.Ranges.SelectMany(range => new object[] { range.First, range.Last })]);

    public AtomicTask? Begun(RespValue reply, SlotSet slots, IReadOnlyList<AtomicTask> listed, ISet<string> earlier) =>
        listed.FirstOrDefault(task => task.IsImport && task.Id == reply.Text);

    // The target takes over the slots, and it gets the cancellation. What it has not taken over by then it never takes over.
    public RespCommand Cancel(AtomicTask task, IEnumerable<string> ours) => RespCommand.Of("CLUSTER", "MIGRATION", "CANCEL", "ID", task.Id);

    public bool IsTooLate(RespValue reply) => false;

    public IEnumerable<AtomicTask> EndedWith(AtomicTask task, IReadOnlyList<AtomicTask> listed) => [];

    // The target would accept the command while the source is busy, and then fail every second.
    public IEnumerable<AtomicTask> InTheWay(IReadOnlyList<AtomicTask> host, IReadOnlyList<AtomicTask> peer) => host.Concat(peer);
}

/// <summary>
/// Valkey 9 and later: the source gets the command and does not return the id of the task. Several tasks may run at once.
/// </summary>
internal sealed class ValkeyAtomicServer(ClusterNode source, ClusterNode target) : IAtomicServer
{
    // The source grants the slots to the target and delays writes of its clients until the target has taken over. A cancellation in between
    // ends the delay but not the takeover: writes of that moment are acknowledged and then lost. Only within one command nothing can happen
    // between the check and the cancellation. A script that does not write is not delayed itself.
    private const string CancelInTime = """
        local may = {}
        for _, id in ipairs(ARGV) do may[id] = true end
        for _, entry in ipairs(redis.call('CLUSTER', 'GETSLOTMIGRATIONS')) do
            local job = {}
            for i = 1, #entry, 2 do job[entry[i]] = entry[i + 1] end
            if job.operation == 'EXPORT' and job.state ~= 'success' and job.state ~= 'failed' and job.state ~= 'cancelled' then
                if not may[job.name] or job.state == 'failover-granted' then return 'too late' end
            end
        end
        return redis.call('CLUSTER', 'CANCELSLOTMIGRATIONS')
        """;

    public ClusterNode Host => source;

    public ClusterNode Peer => target;

    public RespCommand Begin(SlotSet slots)
    {
        var ranges = slots.Ranges.SelectMany(range => new object[] { range.First, range.Last });
        return RespCommand.Of(["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", .. ranges, "NODE", target.Id]);
    }

    // By the id: an earlier task for the same slots may still be listed.
    public AtomicTask? Begun(RespValue reply, SlotSet slots, IReadOnlyList<AtomicTask> listed, ISet<string> earlier) =>
        listed.FirstOrDefault(task =>
            !task.IsImport && !earlier.Contains(task.Id) && task.TargetId == target.Id && task.Slots.Equals(slots));

    public RespCommand Cancel(AtomicTask task, IEnumerable<string> ours) => RespCommand.Of(["EVAL_RO", CancelInTime, 0, task.Id, .. ours]);

    public bool IsTooLate(RespValue reply) => !reply.IsError && reply.Text == "too late";

    // Valkey can't cancel a single export.
    public IEnumerable<AtomicTask> EndedWith(AtomicTask task, IReadOnlyList<AtomicTask> listed) =>
        listed.Where(other => !other.IsImport && other.End == AtomicEnd.None && other.Id != task.Id);

    public IEnumerable<AtomicTask> InTheWay(IReadOnlyList<AtomicTask> host, IReadOnlyList<AtomicTask> peer) => [];
}
