using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>Waits until a node that is to import slots has read all that their source has said on the cluster's bus so far.</summary>
/// <remarks>
/// Valkey 8 and later: an importing node takes a slot by itself as soon as a message of its source does not claim it. A source that has just been
/// given the slot may have said something before that, which is still on its way: its importer would take the slot at once, and the source delete
/// its keys. Seen in the undo of a killed run: the source had announced the first half of a batch of slots while it was given the second.
/// (src/cluster_legacy.c: clusterUpdateSlotsConfigEpochWith; tried on Valkey 9.1.2.)
/// </remarks>
internal sealed class ClusterBusBarrier(ClusterReader reader, StopRequest stop)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    // From the one's network to the other's. Two data centres are closer than that.
    private static readonly TimeSpan Transit = TimeSpan.FromMilliseconds(100);

    // Where nobody tells how much is still to be sent.
    private static readonly TimeSpan Unknown = TimeSpan.FromSeconds(1);

    private static readonly RespCommand Links = RespCommand.Of("CLUSTER", "LINKS");

    /// <exception cref="RedisOperationException">ClusterViewConflict: the source does not get through to it.</exception>
    public async Task AwaitAsync(ClusterNode source, ClusterNode importer)
    {
        if (importer.View?.Facts is not { Engine: ServerEngine.Valkey } facts || !facts.IsAtLeast(8, 0))
            return;
        var speaks = await reader.ConnectAsync(source, stop.Abort).ConfigureAwait(false);
        for (var started = stop.Clock.Now; await IsSendingAsync(speaks, importer.Id).ConfigureAwait(false) is var sending and not false; )
        {
            if (sending is null)
            {
                await stop.PauseAsync(Unknown).ConfigureAwait(false);
                break;
            }

            if (stop.Clock.Now - started > Patience)
                throw new RedisOperationException(
                    FailureCode.ClusterViewConflict, source.Name + " does not get through to " + importer.Name + " on the cluster's bus, so nothing can go from one to the other.", source.Name, new NextAction(NextActionCode.MeasureLinks));
            await stop.PauseAsync(Pause).ConfigureAwait(false);
        }

        await stop.PauseAsync(Transit).ConfigureAwait(false);
        // Whatever had arrived when it answered the first is read before it answers the second; that it may not say PING to us is an answer too.
        var listens = await reader.ConnectAsync(importer, stop.Abort).ConfigureAwait(false);
        for (var i = 0; i < 2; i++)
            await listens.AskAsync(RespCommand.Of("PING"), stop.Abort).ConfigureAwait(false);
    }

    // Each node has a link to, and one from, each other, and speaks on both. Null where it does not tell.
    private async Task<bool?> IsSendingAsync(INodeConnection source, string id)
    {
        var reply = await source.AskAsync(Links, stop.Abort).ConfigureAwait(false);
        if (reply.IsError)
            return null;
        // It waits to write, which it does only while something is to be written; the size of an empty queue is not 0.
        return reply.Items.Any(link => link.Field("node")?.Text == id && link.Field("events")?.Text.Contains("w") == true);
    }
}
