using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>What differs between the servers that can move slots themselves.</summary>
internal interface IAtomicServer
{
    /// <summary>The end that is told to move, and whose list decides.</summary>
    ClusterNode Host { get; }

    /// <summary>The other end.</summary>
    ClusterNode Peer { get; }

    /// <summary>Begins to move the slots.</summary>
    RespCommand Begin(SlotSet slots);

    /// <summary>The task that <see cref="Begin"/> began.</summary>
    /// <param name="reply">Its reply.</param>
    /// <param name="slots">What was to move.</param>
    /// <param name="listed">What the host lists since.</param>
    /// <param name="earlier">Ids that it listed before.</param>
    AtomicTask? Begun(RespValue reply, SlotSet slots, IReadOnlyList<AtomicTask> listed, ISet<string> earlier);

    /// <summary>Ends a task that has not ended, unless that could cost a write by now.</summary>
    /// <param name="task">The task.</param>
    /// <param name="ours">Ids of others that may end with it.</param>
    RespCommand Cancel(AtomicTask task, IEnumerable<string> ours);

    /// <summary>True where the reply to <see cref="Cancel"/> is that the slots change hands in this moment: then it has to be waited for.</summary>
    bool IsTooLate(RespValue reply);

    /// <summary>Others that <see cref="Cancel"/> would end with it.</summary>
    IEnumerable<AtomicTask> EndedWith(AtomicTask task, IReadOnlyList<AtomicTask> listed);

    /// <summary>Running tasks, of this host or its peer, beside which none can be begun.</summary>
    IEnumerable<AtomicTask> InTheWay(IReadOnlyList<AtomicTask> host, IReadOnlyList<AtomicTask> peer);
}

/// <summary>Redis 8.4 and later: the target is told, and names the task. A node takes part in one at a time, as either end.</summary>
internal sealed class RedisAtomicServer(ClusterNode source, ClusterNode target) : IAtomicServer
{
    public ClusterNode Host => target;

    public ClusterNode Peer => source;

    public RespCommand Begin(SlotSet slots) =>
        RespCommand.Of(["CLUSTER", "MIGRATION", "IMPORT", .. slots.Ranges.SelectMany(range => new object[] { range.First, range.Last })]);

    public AtomicTask? Begun(RespValue reply, SlotSet slots, IReadOnlyList<AtomicTask> listed, ISet<string> earlier) =>
        listed.FirstOrDefault(task => task.IsImport && task.Id == reply.Text);

    // The target, which takes the slots, is the one that is asked: what it has not taken when it is told, it never takes.
    public RespCommand Cancel(AtomicTask task, IEnumerable<string> ours) => RespCommand.Of("CLUSTER", "MIGRATION", "CANCEL", "ID", task.Id);

    public bool IsTooLate(RespValue reply) => false;

    public IEnumerable<AtomicTask> EndedWith(AtomicTask task, IReadOnlyList<AtomicTask> listed) => [];

    // The target would take the order while the source is busy, and then fail once a second.
    public IEnumerable<AtomicTask> InTheWay(IReadOnlyList<AtomicTask> host, IReadOnlyList<AtomicTask> peer) => host.Concat(peer);
}

/// <summary>Valkey 9 and later: the source is told, and does not say what it calls the task. Several may run at once.</summary>
internal sealed class ValkeyAtomicServer(ClusterNode source, ClusterNode target) : IAtomicServer
{
    // The source grants the slots to the target and holds its clients' writes back until it hears that they are taken. To cancel in between ends
    // the holding back but not the taking: what clients write in that moment is acknowledged, and gone. Only within one command can nothing
    // happen between the look and the cancellation; and a script that writes nothing is not held back itself.
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

    public RespCommand Begin(SlotSet slots) => RespCommand.Of(
        ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", .. slots.Ranges.SelectMany(range => new object[] { range.First, range.Last }), "NODE", target.Id]);

    // By its name, for one that moved the same slots the same way may still be listed from earlier.
    public AtomicTask? Begun(RespValue reply, SlotSet slots, IReadOnlyList<AtomicTask> listed, ISet<string> earlier) =>
        listed.FirstOrDefault(task => !task.IsImport && !earlier.Contains(task.Id) && task.TargetId == target.Id && task.Slots.Equals(slots));

    public RespCommand Cancel(AtomicTask task, IEnumerable<string> ours) => RespCommand.Of(["EVAL_RO", CancelInTime, 0, task.Id, .. ours]);

    public bool IsTooLate(RespValue reply) => !reply.IsError && reply.Text == "too late";

    // It knows no way to cancel one export alone.
    public IEnumerable<AtomicTask> EndedWith(AtomicTask task, IReadOnlyList<AtomicTask> listed) =>
        listed.Where(other => !other.IsImport && other.End == AtomicEnd.None && other.Id != task.Id);

    public IEnumerable<AtomicTask> InTheWay(IReadOnlyList<AtomicTask> host, IReadOnlyList<AtomicTask> peer) => [];
}
