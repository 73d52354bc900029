using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>
/// Sets the flags of open slots anew whose source failed over. On Redis its successor has no flag, and the target still imports from the
/// former master. From then on they are open slots like any other.
/// </summary>
/// <remarks>
/// MIGRATING comes first: the target still serves the slots. With only its flag, set anew, the keys that have moved would look astray.
/// </remarks>
/// <param name="pair">The pair. The slots of an interrupted run that is undone are open in the other direction.</param>
internal sealed class SourceFailoverRecovery(MoveContext context, MasterPair pair, IPairMoveObserver observer, StopRequest stop)
{
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">One of the two nodes can't be reached.</exception>
    public async Task RunAsync()
    {
        var slots = pair.Slots.Where(slot => slot is { ImportsFromFormerMaster: true, IsDeferred: false }).ToList();
        if (slots.Count == 0)
            return;
        stop.ThrowIfRequested();
        observer.RecordIntent(pair, slots);
        var returning = slots.Where(slot => slot.State == SlotMoveState.Interrupted).ToList();
        await OpenAsync(returning, pair.Target, pair.Source).ConfigureAwait(false);
        await OpenAsync([.. slots.Except(returning)], pair.Source, pair.Target).ConfigureAwait(false);
    }

    private async Task OpenAsync(IReadOnlyList<SlotMove> slots, ClusterNode source, ClusterNode target)
    {
        if (slots.Count == 0)
            return;
        await new OwnerCorrection(context.Reader, context.Log).CorrectAsync(target.Id, stop).ConfigureAwait(false);
        await SendAsync(slots, source, "MIGRATING", target).ConfigureAwait(false);
        await SendAsync(slots.Where(slot => !slot.IsDeferred).ToList(), target, "IMPORTING", source).ConfigureAwait(false);
        var number = slots.Count(slot => !slot.IsDeferred).ToString(CultureInfo.InvariantCulture);
        context.Log?.State(null, number + " open slots: " + source.Name + " has replaced the former source. The flags were set anew.");
    }

    // A slot without the flag is moved individually, with every check.
    private async Task SendAsync(IReadOnlyList<SlotMove> slots, ClusterNode node, string action, ClusterNode peer)
    {
        var batch = new SetSlotBatch(context.Reader, node, node.View!, stop);
        var replies = await batch.SendAsync(slots, action, peer.Id).ConfigureAwait(false);
        for (var i = 0; i < slots.Count; i++)
        {
            if (replies[i] is not { IsError: false })
                slots[i].Defer(replies[i] is { } reply ? Printable.Clean(reply.Text, 200) : node.Name + " did not set " + action);
        }
    }
}
