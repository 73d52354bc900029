using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Opens and hands over many slots between one source and one target, each step for many of them in one pipelined batch. The rules are
/// those of a single slot (<see cref="SlotHandover"/>).
/// </summary>
internal sealed class BulkSlotHandover(
    MoveContext context, ClusterNode source, ClusterNode target, SourceReplicas replicas, StopRequest stop)
{
    private const int Most = 1024;

    // To open: both flags, and a count. To hand over: the views with a count, and both owners.
    private const int RoundTrips = 3;

    // A server carries out what it has read, even after the other end died or the run was stopped. Until the source's replica knows the new
    // owner, its promotion would cost the keys. So few slots are in transit, and only for a short time.
    private static readonly TimeSpan LongestHandover = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPortion = TimeSpan.FromMilliseconds(250);

    // Each portion costs both servers a write of their configuration to the disk, so it is no smaller than
    // it must be.
    private readonly AdaptiveCount _opened = new(least: 128, first: 512, Most, LongestPortion);
    private readonly AdaptiveCount _handedOver = new(least: 32, first: 128, Most, LongestHandover);

    // No node can take the place of a source without replicas.
    private readonly AdaptiveCount _irreplaceable = new(least: 128, first: 512, Most, LongestPortion);
    private bool _hasReplicas = source.View?.HasReplicas != false;

    // While clients use the nodes. A batch of this size blocks a node for about a millisecond. Each batch also makes every node write its
    // configuration to the disk, so smaller ones would delay clients more often. Slots that are announced one by one block every node for
    // longer, because it compares all slots for each of them.
    private const int MostForClients = 256;
    private const int MostAnnouncedForClients = 16;

    // Garnet raises its epoch with each step, and gossips it only every few seconds. So all slots are one portion there.
    private bool IsSlowToGossip => target.View?.Facts.Engine == ServerEngine.Garnet;

    private readonly ClusterReader _reader = context.Reader;
    private readonly JointTakeover _takeover = new(context.Reader, target, stop);
    private readonly HandoverEpoch _epoch = new(context.Reader, context.Log);
    private readonly ReplicaAcknowledgement _acknowledgement = new(context, stop);

    // The next window opens while one is handed over.
    private readonly BatchTiming _opening = context.TimingOf(source, target, stop);
    private readonly BatchTiming _closing = context.TimingOf(source, target, stop);

    /// <summary>
    /// Sets IMPORTING before MIGRATING; otherwise the source redirects clients to a target that rejects them. Counts the keys once the
    /// source accepts no new ones.
    /// </summary>
    public async Task OpenAsync(IReadOnlyList<SlotMove> slots)
    {
        for (var done = 0; done < slots.Count && !stop.IsRequested;)
        {
            var portion = slots.Skip(done).Take(SizeOf(_opened, MostForClients, slots.Count)).ToList();
            var took = await _opening.RunAsync(RoundTrips, () => OpenPortionAsync(portion)).ConfigureAwait(false);
            _opened.Took(portion.Count, took);
            done += portion.Count;
        }
    }

    private async Task OpenPortionAsync(IReadOnlyList<SlotMove> portion)
    {
        foreach (var slot in portion)
            slot.State = SlotMoveState.Opening;
        await SendAsync(target, portion, "IMPORTING", source.Id).ConfigureAwait(false);
        await SendAsync(source, InBulk(portion), "MIGRATING", target.Id).ConfigureAwait(false);
        var open = InBulk(portion);
        foreach (var slot in open)
            slot.State = SlotMoveState.Open;
        var counts = await CountAsync(source, open).ConfigureAwait(false);
        // Without a count the slot is listed at least once.
        for (var i = 0; i < open.Count; i++)
            open[i].Keys = counts[i] ?? Math.Max(1, open[i].Keys);
    }

    /// <summary>
    /// Hands empty slots over to the target in batches. The source counts zero keys immediately before each, while it migrates the slots. A
    /// slot that still has keys, or whose flags are not as they must be, is deferred. No batch begins before the source's replicas know the
    /// new owner of the one before.
    /// </summary>
    /// <returns>The slots that the target owns now. After a stop the others stay as they are.</returns>
    /// <exception cref="RedisOperationException">
    /// One of the two nodes or a replica of the source does not answer. Slots that were handed over before are
    /// <see cref="SlotMoveState.HandedOver"/>, the others are open.
    /// </exception>
    public async Task<IReadOnlyList<SlotMove>> HandOverAsync(IReadOnlyList<SlotMove> slots)
    {
        var progressed = stop.Clock.Now;
        for (var left = Left(slots); left.Count > 0 && !stop.IsRequested; left = Left(slots))
        {
            await replicas.ConfirmAsync(stop).ConfigureAwait(false);
            var forClients = await _takeover.AnnouncesOnceAsync().ConfigureAwait(false) ? MostForClients : MostAnnouncedForClients;
            var batch = left.Take(SizeOf(HandedOver, forClients, left.Count)).ToList();
            var isOver = await HandoverEpoch.AwaitAsync(() => TryAssignAsync(batch), stop).ConfigureAwait(false);
            if (!isOver)
            {
                foreach (var slot in batch)
                    slot.Defer(target.Name + " has not received the config epoch of " + source.Name);
            }

            if (Left(batch).Count < batch.Count)
                progressed = stop.Clock.Now;
            else
                await _acknowledgement.WaitAsync(target, progressed).ConfigureAwait(false);
        }

        var handedOver = slots.Where(slot => slot.State == SlotMoveState.HandedOver).ToList();
        await ClearSourceFlagsAsync(handedOver).ConfigureAwait(false);
        return handedOver;
    }

    // False while the target does not know the epoch of the source.
    private async Task<bool> TryAssignAsync(IReadOnlyList<SlotMove> batch)
    {
        await context.Pace.EpochRaises.EnterAsync(target.Id, stop.Abort).ConfigureAwait(false);
        try
        {
            var (isKnown, assigned, portion) = (false, 0, HandedOver);
            var took = await _closing.RunAsync(RoundTrips, async () =>
            {
                var (from, counts, to) = await ReadEndsAsync(batch).ConfigureAwait(false);
                _hasReplicas = from.HasReplicas;
                if (_hasReplicas && portion != _handedOver)
                    batch = batch.Take(_handedOver.Now).ToList();
                DeferUnready(batch, from, to);
                DeferFilled(batch, counts);
                isKnown = InBulk(batch).Count == 0 || HandoverEpoch.IsKnown(to, from, source.Id);
                if (isKnown)
                    assigned = await AssignAsync(InBulk(batch), from, to).ConfigureAwait(false);
            }).ConfigureAwait(false);
            if (assigned > 0)
                portion.Took(assigned, took);
            return isKnown;
        }
        finally
        {
            context.Pace.EpochRaises.Leave(target.Id);
        }
    }

    private AdaptiveCount HandedOver => _hasReplicas ? _handedOver : _irreplaceable;

    private async Task<int> AssignAsync(IReadOnlyList<SlotMove> empty, NodeView from, NodeView to)
    {
        if (_hasReplicas)
            replicas.Expect(empty);
        var single = new SetSlotBatch(_reader, target, to, stop) { Within = LongestHandover };
        var replies = await _takeover.RunAsync(empty, to, single).ConfigureAwait(false);
        var assigned = new List<SlotMove>();
        for (var i = 0; i < empty.Count; i++)
        {
            if (replies[i] is not { } reply || ServerErrors.IsUnconfirmed(reply))
                continue;
            if (reply.IsError)
                empty[i].Defer(Printable.Clean(reply.Text, 200));
            else
                assigned.Add(empty[i]);
        }

        // The source learns it at once, not by gossip.
        await new SetSlotBatch(_reader, source, from, stop).SendAsync(assigned, AssignToTarget.ActionOn(target)).ConfigureAwait(false);
        foreach (var slot in assigned)
            slot.State = SlotMoveState.HandedOver;
        return assigned.Count;
    }

    /// <summary>Sends the source the new owner of slots that the target owns, and clears the flags that are left.</summary>
    // The owner is decided by now, so no slot is deferred any more. NODE clears the migrating flag only on a source that knows it has no
    // key. STABLE clears it on a source that does not own the slot.
    public async Task FinishSourceAsync(IReadOnlyList<SlotMove> slots)
    {
        await new SetSlotBatch(_reader, source, source.View!, stop).SendAsync(slots, "NODE", target.Id).ConfigureAwait(false);
        await ClearSourceFlagsAsync(slots).ConfigureAwait(false);
    }

    private async Task ClearSourceFlagsAsync(IReadOnlyList<SlotMove> slots)
    {
        if (slots.Count == 0)
            return;
        var (now, _, winner) = await ReadEndsAsync([]).ConfigureAwait(false);
        // An emptied master may have become a replica, which needs no command.
        if (!now.Self.IsMaster)
            return;
        var left = slots.Where(slot => !now.Self.Slots.Contains(slot.Slot)
            && (now.Self.MigratingTo.ContainsKey(slot.Slot) || now.Self.ImportingFrom.ContainsKey(slot.Slot))).ToList();
        await new SetSlotBatch(_reader, source, now, stop).SendAsync(left, "STABLE").ConfigureAwait(false);
        if (winner.Self.ConfigEpoch <= now.Self.ConfigEpoch)
            await _epoch.EnsureHigherAsync(source, target, slots[0].Slot, stop).ConfigureAwait(false);
    }

    // While the source migrates, or no longer owns the slot, an empty slot stays empty. Without the importing flag the target does not
    // raise its epoch, and it raises it above those that it knows: so it must know the source's.
    private void DeferUnready(IReadOnlyList<SlotMove> slots, NodeView from, NodeView to)
    {
        foreach (var slot in slots)
        {
            if (!to.Self.IsMaster || !HandoverOrder.Has(to.Self.ImportingFrom, slot.Slot, source.Id))
                slot.Defer(target.Name + " is not importing it from " + source.Name);
            else if (!from.Self.IsMaster || !HandoverOrder.Has(from.Self.MigratingTo, slot.Slot, target.Id))
                slot.Defer(source.Name + " is not migrating it to " + target.Name);
        }
    }

    private void DeferFilled(IReadOnlyList<SlotMove> slots, IReadOnlyList<long?> counts)
    {
        for (var i = 0; i < slots.Count; i++)
        {
            if (counts[i] is null)
                slots[i].Defer(source.Name + " did not report whether it holds keys of it");
            else if (counts[i] > 0)
                slots[i].Defer(source.Name + " holds keys of it again");
        }
    }

    // A node that waits for its replicas serves its clients meanwhile.
    private int SizeOf(AdaptiveCount portion, int forClients, int all) => IsSlowToGossip ? all
        : _opening.HasClients && !SetSlotBatch.WaitsForReplicas(target, target.View!) ? Math.Min(forClients, portion.Now)
        : portion.Now;

    // The source counts right after it reports its flags: a slot that it migrates then gets no new key.
    private async Task<(NodeView Source, IReadOnlyList<long?> Counts, NodeView Target)> ReadEndsAsync(IReadOnlyList<SlotMove> slots)
    {
        var reading = _reader.ReadAndCountAsync(source, slots.Select(slot => slot.Slot).ToList(), stop.Abort);
        var other = _reader.ReadNodeAsync(target, stop.Abort);
        await Task.WhenAll(reading, other).ConfigureAwait(false);
        var (view, counts) = await reading.ConfigureAwait(false);
        return (view, counts, await other.ConfigureAwait(false));
    }

    private async Task SendAsync(ClusterNode node, IReadOnlyList<SlotMove> slots, string action, string id)
    {
        var started = stop.Clock.Now;
        while (true)
        {
            var replies = await new SetSlotBatch(_reader, node, node.View!, stop).SendAsync(slots, action, id).ConfigureAwait(false);
            var waiting = new List<SlotMove>();
            for (var i = 0; i < slots.Count; i++)
            {
                if (replies[i] is not { } reply || ServerErrors.IsUnconfirmed(reply))
                    waiting.Add(slots[i]);
                else if (reply.IsError)
                    slots[i].Defer(Printable.Clean(reply.Text, 200));
            }

            slots = waiting;
            if (slots.Count == 0)
                return;
            if (stop.IsRequested)
                break;
            await _acknowledgement.WaitAsync(node, started).ConfigureAwait(false);
        }

        foreach (var slot in slots)
            slot.Defer("the run was stopped while the replicas of " + node.Name + " did not acknowledge CLUSTER SETSLOT");
    }

    private async Task<IReadOnlyList<long?>> CountAsync(ClusterNode node, IReadOnlyList<SlotMove> slots)
    {
        if (slots.Count == 0)
            return [];
        var connection = await _reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var numbers = slots.Select(slot => slot.Slot).ToList();
        return await SlotKeyCounter.CountAsync(connection, node.View!.Databases, numbers, stop.Abort).ConfigureAwait(false);
    }

    private static List<SlotMove> InBulk(IReadOnlyList<SlotMove> slots) => slots.Where(slot => !slot.IsDeferred).ToList();

    private static List<SlotMove> Left(IReadOnlyList<SlotMove> slots) =>
        slots.Where(slot => !slot.IsDeferred && slot.State != SlotMoveState.HandedOver).ToList();
}
