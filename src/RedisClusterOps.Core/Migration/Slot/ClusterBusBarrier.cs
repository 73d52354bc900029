using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Slot;

/// <summary>
/// Waits until a node that is about to import slots has read everything that the source has sent on the cluster bus so far.
/// </summary>
/// <remarks>
/// Right after the source took over a slot, a message from before that may still be in transit. It does not claim the slot.
/// <para>
/// On Valkey 8 and later an importing node takes over a slot as soon as a message of the source does not claim it. Then the source deletes
/// its keys. This was observed in the undo of a killed run: the source had announced the first half of a batch while it took over the
/// second. (src/cluster_legacy.c: clusterUpdateSlotsConfigWith; tested on Valkey 9.1.2.)
/// </para>
/// <para>
/// Redis 7.0 and 7.2 remember that the owner of a slot did not claim it, also after its former owner has taken the slot back. The next
/// message that still claims the slot takes it away again, with its keys, whatever its config epoch. (src/cluster.c:
/// owner_not_claiming_slot, which clusterDelSlot clears from 7.2.4 on; tested on Redis 7.0.15.)
/// </para>
/// </remarks>
internal sealed class ClusterBusBarrier(ClusterReader reader, StopRequest stop)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    // The network latency between the nodes. Two data centers are closer than that.
    private static readonly TimeSpan Transit = TimeSpan.FromMilliseconds(100);

    // Used if the source does not report its send queues.
    private static readonly TimeSpan Unknown = TimeSpan.FromSeconds(1);

    private static readonly RespCommand Links = RespCommand.Of("CLUSTER", "LINKS");

    /// <summary>Waits on servers on which such a message could change the owner of a slot.</summary>
    /// <param name="mayReturn">True if the importing node may have owned the slots a moment ago.</param>
    /// <exception cref="RedisOperationException">ClusterViewConflict: the source can't send to the importing node.</exception>
    public async Task AwaitAsync(ClusterNode source, ClusterNode importer, bool mayReturn)
    {
        if (importer.View?.Facts is not { } facts)
            return;
        var importerTakesOver = facts.Engine == ServerEngine.Valkey && facts.IsAtLeast(8, 0);
        var formerOwnerLoses = mayReturn && facts.Engine == ServerEngine.Redis && facts.IsAtLeast(7, 0) && !facts.IsAtLeast(7, 4);
        if (importerTakesOver || formerOwnerLoses)
            await AwaitMessagesAsync(source, importer).ConfigureAwait(false);
    }

    private async Task AwaitMessagesAsync(ClusterNode source, ClusterNode importer)
    {
        var sender = await reader.ConnectAsync(source, stop.Abort).ConfigureAwait(false);
        for (var started = stop.Clock.Now; await IsSendingAsync(sender, importer.Id).ConfigureAwait(false) is var sending and not false; )
        {
            if (sending is null)
            {
                await stop.PauseAsync(Unknown).ConfigureAwait(false);
                break;
            }

            if (stop.Clock.Now - started > Patience)
            {
                throw new RedisOperationException(
                    FailureCode.ClusterViewConflict,
                    source.Name + " can't send to " + importer.Name + " on the cluster bus, so no slot can move between them.",
                    source.Name,
                    new NextAction(NextActionCode.MeasureLinks));
            }

            await stop.PauseAsync(Pause).ConfigureAwait(false);
        }

        await stop.PauseAsync(Transit).ConfigureAwait(false);
        // The node reads everything that arrived before its first reply before it sends the second. A PING that is not permitted also gets
        // a reply.
        var receiver = await reader.ConnectAsync(importer, stop.Abort).ConfigureAwait(false);
        for (var i = 0; i < 2; i++)
            await receiver.AskAsync(RespCommand.Of("PING"), stop.Abort).ConfigureAwait(false);
    }

    // Each node has a link to and a link from each other node and sends on both. Null if the source does not report its links.
    private async Task<bool?> IsSendingAsync(INodeConnection source, string id)
    {
        var reply = await source.AskAsync(Links, stop.Abort).ConfigureAwait(false);
        if (reply.IsError)
            return null;
        // A link has the event w only while it has data to send. The size of an empty queue is not 0.
        return reply.Items.Any(link => link.Field("node")?.Text == id && link.Field("events")?.Text.Contains("w") == true);
    }
}
