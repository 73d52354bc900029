using System;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>CLUSTER SETSLOT, one node at a time.</summary>
internal sealed class SlotCommands(ClusterReader reader)
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(15);

    public Task ImportAsync(ClusterNode node, int slot, ClusterNode source, StopRequest stop) => SendAsync(node, slot, "IMPORTING", source.Id, stop);

    public Task MigrateAsync(ClusterNode node, int slot, ClusterNode target, StopRequest stop) => SendAsync(node, slot, "MIGRATING", target.Id, stop);

    public Task AssignAsync(ClusterNode node, int slot, ClusterNode owner, StopRequest stop) => SendAsync(node, slot, "NODE", owner.Id, stop);

    /// <summary>The node takes a slot that nobody owns.</summary>
    public async Task AddAsync(ClusterNode node, int slot, StopRequest stop)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var command = RespCommand.Of("CLUSTER", "ADDSLOTS", slot);
        var reply = await connection.AskAsync(command, stop.Abort).ConfigureAwait(false);
        // Somebody has taken it since.
        if (reply.IsError && ServerErrors.Contains(reply.Text, "already busy"))
            throw new SlotChangedException(Unexpected(node, slot, command, reply));
        reply.OrThrow(connection.Endpoint, command);
    }

    /// <summary>Clears the node's flags for the slot, whatever they are.</summary>
    public Task ClearAsync(ClusterNode node, int slot, StopRequest stop) => SendAsync(node, slot, RespCommand.Of("CLUSTER", "SETSLOT", slot, "STABLE"), stop);

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

    /// <summary>True of an answer that says that the node became a replica, as an emptied master may: there is nothing to tell it any more.</summary>
    public static bool IsNoMaster(string error) =>
        ServerErrors.Contains(error, "only with masters") || ServerErrors.Contains(error, "only with primaries");

    // Owner, flags or roles are not what the plan was made from.
    private static bool IsAboutTheSlot(string error) => IsNoMaster(error)
        || ServerErrors.Contains(error, "owner of hash slot")
        || ServerErrors.Contains(error, "I don't know about node") || ServerErrors.Contains(error, "Unknown node")
        || ServerErrors.Contains(error, "is not a master") || ServerErrors.Contains(error, "is not a primary")
        || ServerErrors.Contains(error, "still hold keys");

    private static RedisServerException Unexpected(ClusterNode node, int slot, RespCommand command, RespValue reply) => new(
        FailureCode.ServerError, node.View?.Dialled ?? node.Announced!.Value, command.ToString(), reply.Text,
        "Get-RedisOpenSlot -Slot " + slot.ToString(CultureInfo.InvariantCulture));
}
