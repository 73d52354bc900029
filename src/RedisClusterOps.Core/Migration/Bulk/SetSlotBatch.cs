using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Sends one action of CLUSTER SETSLOT for many slots to one node.</summary>
/// <remarks>
/// Valkey 8 and later run a SETSLOT only after the node's replicas have acknowledged it: 2 to 3 ms each, one at a time for a connection.
/// There the batch uses several connections, each with one command at a time; 32 connections are eight times faster than one. Other
/// servers run a pipelined batch at once.
/// </remarks>
/// <param name="view">The node's view, which lists its replicas.</param>
internal sealed class SetSlotBatch(ClusterReader reader, ClusterNode node, NodeView view, StopRequest stop)
{
    private const int MostConnections = 32;

    /// <summary>A time after which the batch sends no further command; null to send all of them.</summary>
    public TimeSpan? Within { get; init; }

    /// <summary>True for a node that serves its clients while a SETSLOT waits for its replicas.</summary>
    public static bool WaitsForReplicas(ClusterNode node, NodeView view) =>
        AssignToTarget.WaitsForReplicas(node) && view.Lines.Any(SourceReplicas.IsReplicaOf(view.Id));

    /// <param name="slots">The slots.</param>
    /// <param name="action">The action and its argument.</param>
    /// <returns>One reply for each slot; null if the time was over before its command was sent.</returns>
    public Task<IReadOnlyList<RespValue?>> SendAsync(IReadOnlyList<SlotMove> slots, params object[] action) =>
        SendAsync(slots.Select(slot => slot.Slot).ToList(), action);

    /// <inheritdoc cref="SendAsync(IReadOnlyList{SlotMove}, object[])"/>
    public async Task<IReadOnlyList<RespValue?>> SendAsync(IReadOnlyList<int> slots, params object[] action)
    {
        if (slots.Count == 0)
            return [];
        var commands = slots.Select(slot => RespCommand.Of(["CLUSTER", "SETSLOT", slot, .. action])).ToList();
        if (WaitsForReplicas(node, view))
            return await SendConcurrentlyAsync(commands).ConfigureAwait(false);
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        return [.. await connection.SendAsync(commands, null, stop.Abort).ConfigureAwait(false)];
    }

    // After the first reply that the replicas did not acknowledge in time, the next would only wait as well.
    private async Task<IReadOnlyList<RespValue?>> SendConcurrentlyAsync(List<RespCommand> commands)
    {
        var replies = new RespValue?[commands.Count];
        var (next, started, ends) = (-1, stop.Clock.Now, false);
        var connections = Math.Min(MostConnections, commands.Count);
        await Task.WhenAll(Enumerable.Range(0, connections).Select(SendSomeAsync)).ConfigureAwait(false);
        return replies;

        async Task SendSomeAsync(int number)
        {
            INodeConnection connection;
            try
            {
                connection = await reader.ConnectParallelAsync(node, number, stop.Abort).ConfigureAwait(false);
            }
            catch (RedisOperationException) when (number > 0)
            {
                // The node accepts no further connection. The others send the rest.
                return;
            }

            while (!Volatile.Read(ref ends) && !(stop.Clock.Now - started > Within)
                && Interlocked.Increment(ref next) is var index && index < commands.Count)
            {
                try
                {
                    var reply = await connection.AskAsync(commands[index], stop.Abort).ConfigureAwait(false);
                    replies[index] = reply;
                    if (ServerErrors.IsUnconfirmed(reply))
                        Volatile.Write(ref ends, true);
                }
                catch
                {
                    Volatile.Write(ref ends, true);
                    throw;
                }
            }
        }
    }
}
