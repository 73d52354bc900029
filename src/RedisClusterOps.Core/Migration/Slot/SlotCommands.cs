using System;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
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
            var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
            var reply = await connection.AskAsync(command, stop.Abort).ConfigureAwait(false);
            if (!ServerErrors.IsUnconfirmed(reply) || stop.Clock.Now - started > RetryFor)
            {
                if (reply.IsError && IsAboutTheSlot(reply.Text))
                    throw new SlotChangedException(Unexpected(node, slot, command, reply));
                reply.OrThrow(connection.Endpoint, command);
                return;
            }

            await stop.PauseAsync(RetryPause).ConfigureAwait(false);
        }
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

/// <summary>
/// Is thrown when the slot is not as a step expects it: the cluster is to be read and planned again. Carries the failure to report if that
/// does not help.
/// </summary>
internal sealed class SlotChangedException(RedisOperationException failure) : Exception(failure.Message, failure)
{
    public RedisOperationException Failure { get; } = failure;
}
