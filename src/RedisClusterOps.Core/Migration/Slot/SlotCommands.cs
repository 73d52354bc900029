using System;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>Sends CLUSTER SETSLOT and ADDSLOTS to one node.</summary>
internal sealed class SlotCommands(ClusterReader reader)
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(15);

    public Task ImportAsync(ClusterNode node, int slot, ClusterNode source, StopRequest stop) =>
        SendAsync(node, slot, "IMPORTING", source.Id, stop);

    public Task MigrateAsync(ClusterNode node, int slot, ClusterNode target, StopRequest stop) =>
        SendAsync(node, slot, "MIGRATING", target.Id, stop);

    public Task AssignAsync(ClusterNode node, int slot, ClusterNode owner, StopRequest stop) =>
        SendAsync(node, slot, "NODE", owner.Id, stop);

    /// <summary>Sends the owner of slots to a node that reports another one.</summary>
    public async Task CorrectAsync(CorrectOwner correct, StopRequest stop)
    {
        await AssignAsync(correct.Node, correct.Slot, correct.Owner, stop).ConfigureAwait(false);
        var others = correct.Slots.Slots.Where(slot => slot != correct.Slot)
            .Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "NODE", correct.Owner.Id)).ToList();
        if (others.Count == 0)
            return;
        // A refused command concerns another slot, whose own plan corrects it.
        var connection = await reader.ConnectAsync(correct.Node, stop.Abort).ConfigureAwait(false);
        await connection.SendAsync(others, null, stop.Abort).ConfigureAwait(false);
    }

    /// <summary>Makes the target the owner, once.</summary>
    /// <param name="target">The target.</param>
    /// <param name="now">The target's view, read just before.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="stop">The stop request of the operation.</param>
    /// <returns>
    /// False if its replicas did not acknowledge the command in time: it was not executed. Also false if the target delays it, as during a
    /// failover: the outcome is unknown.
    /// </returns>
    public async Task<bool> TryTakeOverAsync(ClusterNode target, NodeView now, int slot, StopRequest stop)
    {
        var command = RespCommand.Of(["CLUSTER", "SETSLOT", slot, .. AssignToTarget.ActionOn(target)]);
        var guard = target.View?.Facts.TakesOverInTransaction == true ? FailoverGuard.Of(now) : null;
        var reply = guard is null ? await AskAsync(target, command, stop).ConfigureAwait(false)
            : await SendGuardedAsync(target, guard, command, stop).ConfigureAwait(false);
        if (reply is null || ServerErrors.IsUnconfirmed(reply))
            return false;
        Require(target, slot, command, reply);
        return true;
    }

    private async Task<RespValue?> SendGuardedAsync(ClusterNode target, RespCommand guard, RespCommand command, StopRequest stop)
    {
        RespCommand[] commands = [Transaction.Begin, guard, command, Transaction.Execute];
        var replies = await FailoverGuard.SendAsync(reader, target, commands, stop.Abort).ConfigureAwait(false);
        if (replies is null)
            return null;
        if (Transaction.IsExecuted(replies[3]))
            return replies[3].Items[1];
        // Without MULTI the command has run, after the guard.
        if (replies[0].IsError)
            return replies[2];
        // The user may not run the transaction, or the node serves no keys now. A failover is over by then, and a replica refuses SETSLOT.
        return await AskAsync(target, command, stop).ConfigureAwait(false);
    }

    private async Task<RespValue> AskAsync(ClusterNode node, RespCommand command, StopRequest stop)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        return await connection.AskAsync(command, stop.Abort).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes the node the owner although no other node hands the slot over. A node raises its epoch only while it imports.
    /// </summary>
    public async Task TakeAsync(ClusterNode node, int slot, string from, StopRequest stop)
    {
        await SendAsync(node, slot, "IMPORTING", from, stop).ConfigureAwait(false);
        await SendAsync(node, slot, "NODE", node.Id, stop).ConfigureAwait(false);
    }

    /// <summary>Clears the node's flags for the slot.</summary>
    public Task ClearAsync(ClusterNode node, int slot, StopRequest stop) =>
        SendAsync(node, slot, RespCommand.Of("CLUSTER", "SETSLOT", slot, "STABLE"), stop);

    /// <summary>Makes the node the owner of a slot without an owner.</summary>
    public async Task AddAsync(ClusterNode node, int slot, StopRequest stop)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var command = RespCommand.Of("CLUSTER", "ADDSLOTS", slot);
        var reply = await connection.AskAsync(command, stop.Abort).ConfigureAwait(false);
        // Another master has taken over the slot since the cluster was read.
        if (reply.IsError && ServerErrors.Contains(reply.Text, "already busy"))
            throw new SlotChangedException(Unexpected(node, slot, command, reply));
        reply.OrThrow(connection.Endpoint, command);
    }

    /// <summary>True if the error says that the node is a replica now, as an emptied master may be. It then needs no command.</summary>
    public static bool IsNoMaster(string error) =>
        ServerErrors.Contains(error, "only with masters") || ServerErrors.Contains(error, "only with primaries");

    public static NextAction ShowSlot(int slot) =>
        new(NextActionCode.ShowOpenSlots) { Slots = slot.ToString(CultureInfo.InvariantCulture) };

    private Task SendAsync(ClusterNode node, int slot, string action, string id, StopRequest stop) =>
        SendAsync(node, slot, RespCommand.Of("CLUSTER", "SETSLOT", slot, action, id), stop);

    private async Task SendAsync(ClusterNode node, int slot, RespCommand command, StopRequest stop)
    {
        var started = stop.Clock.Now;
        while (true)
        {
            var reply = await AskAsync(node, command, stop).ConfigureAwait(false);
            if (!ServerErrors.IsUnconfirmed(reply) || stop.Clock.Now - started > RetryFor)
            {
                Require(node, slot, command, reply);
                return;
            }

            await stop.PauseAsync(RetryPause).ConfigureAwait(false);
        }
    }

    private static void Require(ClusterNode node, int slot, RespCommand command, RespValue reply)
    {
        if (!reply.IsError)
            return;
        var failure = Unexpected(node, slot, command, reply);
        if (IsAboutTheSlot(reply.Text))
            throw new SlotChangedException(failure);
        reply.OrThrow(failure.Endpoint, command);
    }

    // Owner, flags or roles have changed since the plan was made.
    private static bool IsAboutTheSlot(string error) => IsNoMaster(error)
        || ServerErrors.Contains(error, "owner of hash slot")
        || ServerErrors.Contains(error, "I don't know about node") || ServerErrors.Contains(error, "Unknown node")
        || ServerErrors.Contains(error, "is not a master") || ServerErrors.Contains(error, "is not a primary")
        || ServerErrors.Contains(error, "still hold keys");

    private static RedisServerException Unexpected(ClusterNode node, int slot, RespCommand command, RespValue reply) => new(
        FailureCode.ServerError, node.View?.Dialled ?? node.Announced!.Value, command.ToString(), reply.Text, ShowSlot(slot));
}
