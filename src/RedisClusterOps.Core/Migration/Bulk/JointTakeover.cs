using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Makes the target the owner of many slots that it imports, in one transaction where the server allows it.</summary>
/// <remarks>
/// A node that takes over a slot while it imports it announces its slots to all others, and each of them compares all slots. In the
/// transaction it stops importing before it takes over, except the last slot. So it announces all of them once. STABLE hides the keys of a
/// slot, but nothing runs between the commands of a transaction.
/// </remarks>
internal sealed class JointTakeover(ClusterReader reader, ClusterNode target, StopRequest stop)
{
    private static readonly RespCommand Begin = RespCommand.Of("MULTI");
    private static readonly RespCommand Execute = RespCommand.Of("EXEC");

    // Null as long as it is unknown.
    private bool? _isPossible = target.View?.TakesOverJointly == true ? null : false;

    /// <summary>True if the server and our user's rights allow it. The rights are checked the first time.</summary>
    public async Task<bool> IsPossibleAsync()
    {
        _isPossible ??= await IsPermittedAsync().ConfigureAwait(false);
        return _isPossible == true;
    }

    private async Task<bool?> IsPermittedAsync()
    {
        var connection = await reader.ConnectAsync(target, stop.Abort).ConfigureAwait(false);
        // DISCARD, because a server on which EXEC is renamed would stay in the transaction.
        var replies = await connection.SendAsync([Begin, Execute, RespCommand.Of("DISCARD")], null, stop.Abort).ConfigureAwait(false);
        return IsExecuted(replies[1]) ? true : UnlessTemporary(replies);
    }

    // A node that is out of memory or busy executes no transaction, but may execute the next one.
    private static bool? UnlessTemporary(IReadOnlyList<RespValue> replies) =>
        replies.Any(reply => reply.IsError && ServerErrors.CodeOf(reply.Text)
            is FailureCode.WritesRefused or FailureCode.NodeBusy or FailureCode.NodeLoading) ? null : false;

    /// <param name="slots">Slots that the target imports, and of which the source has no key.</param>
    /// <param name="single">Sends the target each slot as a change of its own.</param>
    /// <returns>One reply for each slot; null if its command was not sent.</returns>
    public async Task<IReadOnlyList<RespValue?>> RunAsync(IReadOnlyList<SlotMove> slots, SetSlotBatch single)
    {
        var assign = AssignToTarget.ActionOn(target);
        if (slots.Count < 2 || !await IsPossibleAsync().ConfigureAwait(false))
            return await single.SendAsync(slots, assign).ConfigureAwait(false);

        // BUMPEPOCH first: the target's claim wins even if another tool has cleared the flag of the last slot.
        var commands = new List<RespCommand> { Begin, RespCommand.Of("CLUSTER", "BUMPEPOCH") };
        for (var i = 0; i < slots.Count; i++)
        {
            if (i < slots.Count - 1)
                commands.Add(RespCommand.Of("CLUSTER", "SETSLOT", slots[i].Slot, "STABLE"));
            commands.Add(RespCommand.Of(["CLUSTER", "SETSLOT", slots[i].Slot, .. assign]));
        }

        commands.Add(Execute);
        var connection = await reader.ConnectAsync(target, stop.Abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(commands, null, stop.Abort).ConfigureAwait(false);
        var executed = replies[replies.Count - 1];
        if (!IsExecuted(executed))
        {
            // It refused a command of the transaction, and executed none.
            _isPossible = UnlessTemporary(replies);
            return await single.SendAsync(slots, assign).ConfigureAwait(false);
        }

        var results = new RespValue?[slots.Count];
        for (var i = 0; i < slots.Count; i++)
            results[i] = executed.Items[Math.Min(2 * (i + 1), executed.Items.Count - 1)];
        return results;
    }

    private static bool IsExecuted(RespValue reply) => reply is { Kind: RespKind.Array, IsNull: false };
}
