using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Makes the target the owner of many slots that it imports, in one transaction where the server allows it.</summary>
/// <remarks>
/// A node that takes over a slot while it imports it announces its slots to all others, and each of them compares all slots. In the
/// transaction it stops importing before it takes over, except the last slot. So it announces all of them once. STABLE hides the keys of a
/// slot, but nothing runs between the commands of a transaction. Where STABLE would delete them, the transaction only protects a target
/// with replicas from a failover (<see cref="FailoverGuard"/>).
/// </remarks>
internal sealed class JointTakeover(ClusterReader reader, ClusterNode target, StopRequest stop)
{
    private readonly bool _announcesOnce = target.View?.Facts.TakesOverJointly == true;

    private NodeView? _now = target.View;

    // Null as long as it is unknown.
    private bool? _isPermitted = target.View?.Facts.TakesOverInTransaction == true ? null : false;

    /// <summary>True if the target announces all slots at once. The user's rights are checked the first time.</summary>
    public async Task<bool> AnnouncesOnceAsync()
    {
        if (_announcesOnce)
            await TryReadRightsAsync().ConfigureAwait(false);
        return _announcesOnce && _isPermitted == true;
    }

    // False if the node delays the transaction, as during a failover.
    private async Task<bool> TryReadRightsAsync()
    {
        if (_isPermitted is not null)
            return true;
        // DISCARD, because a server on which EXEC is renamed would stay in the transaction.
        var guard = Guard();
        RespCommand[] commands = [Transaction.Begin, .. guard, Transaction.Execute, Transaction.Discard];
        if (await SendAsync(commands, guard.Length > 0).ConfigureAwait(false) is not { } replies)
            return false;
        _isPermitted = Transaction.IsExecuted(replies[commands.Length - 2]) ? true : UnlessTemporary(replies);
        return true;
    }

    private async Task<IReadOnlyList<RespValue>?> SendAsync(IReadOnlyList<RespCommand> commands, bool isGuarded)
    {
        if (isGuarded)
            return await FailoverGuard.SendAsync(reader, target, commands, stop.Abort).ConfigureAwait(false);
        var connection = await reader.ConnectAsync(target, stop.Abort).ConfigureAwait(false);
        return await connection.SendAsync(commands, null, stop.Abort).ConfigureAwait(false);
    }

    private RespCommand[] Guard() => _now is not null && FailoverGuard.Of(_now) is { } command ? [command] : [];

    // A node that is out of memory, busy or in a failover executes no transaction, but may execute the next one.
    private static bool? UnlessTemporary(IReadOnlyList<RespValue> replies) => replies.Any(IsTemporary) ? null : false;

    private static bool IsTemporary(RespValue reply) => ServerErrors.IsTemporary(reply) || ServerErrors.IsRedirect(reply)
        || (reply.IsError && ServerErrors.CodeOf(reply.Text) is FailureCode.WritesRefused or FailureCode.NodeBusy);

    /// <param name="slots">Slots that the target imports, and of which the source has no key.</param>
    /// <param name="now">The target's view, read just before.</param>
    /// <param name="single">Sends the target each slot as a change of its own.</param>
    /// <returns>One reply for each slot; null if its command was not sent, or if its outcome is unknown.</returns>
    public async Task<IReadOnlyList<RespValue?>> RunAsync(IReadOnlyList<SlotMove> slots, NodeView now, SetSlotBatch single)
    {
        var assign = AssignToTarget.ActionOn(target);
        _now = now;
        var guard = Guard();
        var isUseful = guard.Length > 0 || (slots.Count > 1 && _announcesOnce);
        if (slots.Count == 0 || !isUseful)
            return await single.SendAsync(slots, assign).ConfigureAwait(false);
        if (!await TryReadRightsAsync().ConfigureAwait(false))
            return new RespValue?[slots.Count];
        if (_isPermitted != true)
            return await single.SendAsync(slots, assign).ConfigureAwait(false);

        var commands = new List<RespCommand> { Transaction.Begin };
        commands.AddRange(guard);
        // BUMPEPOCH first: the target's claim wins even if another tool has cleared the flag of the last slot.
        if (_announcesOnce)
            commands.Add(RespCommand.Of("CLUSTER", "BUMPEPOCH"));
        var assignments = new List<int>();
        for (var i = 0; i < slots.Count; i++)
        {
            if (_announcesOnce && i < slots.Count - 1)
                commands.Add(RespCommand.Of("CLUSTER", "SETSLOT", slots[i].Slot, "STABLE"));
            // The replies of EXEC have none for MULTI.
            assignments.Add(commands.Count - 1);
            commands.Add(RespCommand.Of(["CLUSTER", "SETSLOT", slots[i].Slot, .. assign]));
        }

        commands.Add(Transaction.Execute);
        if (await SendAsync(commands, guard.Length > 0).ConfigureAwait(false) is not { } replies)
            return new RespValue?[slots.Count];
        var executed = replies[replies.Count - 1];
        if (Transaction.IsExecuted(executed))
            return [.. assignments.Select(index => executed.Items[Math.Min(index, executed.Items.Count - 1)])];

        // It refused a command of the transaction, and executed none. A failover is over by now, and a replica refuses SETSLOT.
        _isPermitted = UnlessTemporary(replies);
        return await single.SendAsync(slots, assign).ConfigureAwait(false);
    }
}
