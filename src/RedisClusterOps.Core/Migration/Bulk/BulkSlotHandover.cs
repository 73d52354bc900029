using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Opens and hands over many slots between one source and one target, each step for many of them in one pipelined batch. The rules are
/// those of a single slot (<see cref="SlotHandover"/>).
/// </summary>
internal sealed class BulkSlotHandover(MoveContext context, ClusterNode source, ClusterNode target, StopRequest stop)
{
    // While clients use the nodes. Each slot that is handed over raises the target's epoch, which is broadcast to every node, and each
    // node compares all slots. Fewer slots at a time would cost more, by what each batch writes to the nodes' files, than clients gain.
    // Opening a slot concerns only two nodes.
    private const int FewHandedOver = 8;
    private const int FewOpened = 32;

    // The factor for nodes with a long round trip.
    private const int Far = 8;

    // For each portion: two commands for flags or owners, and a count.
    private const int RoundTrips = 3;

    private readonly Portion _opened = new();
    private readonly Portion _handedOver = new();

    // Garnet raises its epoch with each step, and gossips it only every few seconds. So all slots are one portion there.
    private bool IsSlowToGossip => target.View?.Facts.Engine == ServerEngine.Garnet;

    private readonly ClusterReader _reader = context.Reader;
    private readonly SlotHandover _handover = new(context.Reader, context.Log);
    private readonly BatchTiming _timing = new(context, source, target, stop);

    /// <summary>
    /// Sets IMPORTING before MIGRATING; otherwise the source redirects clients to a target that rejects them. Counts the keys once the
    /// source accepts no new ones.
    /// </summary>
    public async Task OpenAsync(IReadOnlyList<SlotMove> slots)
    {
        await InPortionsAsync(slots, _opened, FewOpened, async portion =>
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
        }).ConfigureAwait(false);
    }

    /// <summary>
    /// Hands empty slots over to the target. The source counts zero keys immediately before, while it migrates the slots. A slot that
    /// still has keys, or whose flags are not as they must be, is deferred.
    /// </summary>
    /// <returns>The slots that the target owns now. After a stop the others stay as they are.</returns>
    public async Task<IReadOnlyList<SlotMove>> HandOverAsync(IReadOnlyList<SlotMove> slots)
    {
        IReadOnlyList<SlotMove> handedOver = [];
        var isOver = await SlotHandover.AwaitEpochAsync(
            async () =>
            {
                if (InBulk(slots).Count == 0)
                    return true;
                await context.Pace.EpochRaises.EnterAsync(target.Id, stop.Abort).ConfigureAwait(false);
                try
                {
                    if (!await AreReadyAsync(slots).ConfigureAwait(false))
                        return false;
                    handedOver = await AssignAsync(InBulk(slots)).ConfigureAwait(false);
                    return true;
                }
                finally
                {
                    context.Pace.EpochRaises.Leave(target.Id);
                }
            },
            stop).ConfigureAwait(false);
        if (!isOver)
        {
            foreach (var slot in slots)
                slot.Defer(target.Name + " has not received the config epoch of " + source.Name);
        }

        return handedOver;
    }

    private async Task<IReadOnlyList<SlotMove>> AssignAsync(IReadOnlyList<SlotMove> ready)
    {
        await InPortionsAsync(ready, _handedOver, FewHandedOver, async portion =>
        {
            var counts = await CountAsync(source, portion).ConfigureAwait(false);
            for (var i = 0; i < portion.Count; i++)
            {
                if (counts[i] is null)
                    portion[i].Defer(source.Name + " did not report whether it holds keys of it");
                else if (counts[i] > 0)
                    portion[i].Defer(source.Name + " holds keys of it again");
            }

            await SendAsync(target, InBulk(portion), "NODE", target.Id).ConfigureAwait(false);
            await SendToSourceAsync(InBulk(portion), "NODE", target.Id).ConfigureAwait(false);
            foreach (var slot in InBulk(portion))
                slot.State = SlotMoveState.HandedOver;
        }).ConfigureAwait(false);
        var handedOver = ready.Where(slot => slot.State == SlotMoveState.HandedOver).ToList();
        await ClearSourceFlagsAsync(handedOver).ConfigureAwait(false);
        return handedOver;
    }

    /// <summary>Sends the source the new owner of slots that the target owns, and clears the flags that are left.</summary>
    // The owner is decided by now, so no slot is deferred any more. NODE clears the migrating flag only on a source that knows it has no
    // key. STABLE clears it on a source that does not own the slot.
    public async Task FinishSourceAsync(IReadOnlyList<SlotMove> slots)
    {
        await SendToSourceAsync(slots, "NODE", target.Id).ConfigureAwait(false);
        await ClearSourceFlagsAsync(slots).ConfigureAwait(false);
    }

    private async Task SendToSourceAsync(IReadOnlyList<SlotMove> slots, string action, string? id)
    {
        if (slots.Count == 0)
            return;
        var connection = await _reader.ConnectAsync(source, stop.Abort).ConfigureAwait(false);
        await connection.SendAsync(Commands(slots, action, id), null, stop.Abort).ConfigureAwait(false);
    }

    private async Task ClearSourceFlagsAsync(IReadOnlyList<SlotMove> slots)
    {
        if (slots.Count == 0)
            return;
        var (now, winner) = await ReadEndsAsync().ConfigureAwait(false);
        // An emptied master may have become a replica, which needs no command.
        if (!now.Self.IsMaster)
            return;
        var left = slots.Where(slot => !now.Self.Slots.Contains(slot.Slot)
            && (now.Self.MigratingTo.ContainsKey(slot.Slot) || now.Self.ImportingFrom.ContainsKey(slot.Slot))).ToList();
        await SendToSourceAsync(left, "STABLE", null).ConfigureAwait(false);
        if (winner.Self.ConfigEpoch <= now.Self.ConfigEpoch)
            await _handover.EnsureHigherEpochAsync(source, target, slots[0].Slot, stop).ConfigureAwait(false);
    }

    // While the source migrates, or no longer owns the slot, an empty slot stays empty. Without the importing flag the target does not
    // raise its epoch, and it raises it above those that it knows: so it must know the source's.
    private async Task<bool> AreReadyAsync(IReadOnlyList<SlotMove> slots)
    {
        var (from, to) = await ReadEndsAsync().ConfigureAwait(false);
        foreach (var slot in slots)
        {
            if (!to.Self.IsMaster || !HandoverOrder.Has(to.Self.ImportingFrom, slot.Slot, source.Id))
                slot.Defer(target.Name + " is not importing it from " + source.Name);
            else if (!from.Self.IsMaster || !HandoverOrder.Has(from.Self.MigratingTo, slot.Slot, target.Id))
                slot.Defer(source.Name + " is not migrating it to " + target.Name);
        }

        return SlotHandover.KnowsEpoch(to, from, source.Id);
    }

    // Each step for all slots of a portion in one pipelined batch; clients are served between two portions. No portion begins after
    // a stop.
    private async Task InPortionsAsync(IReadOnlyList<SlotMove> slots, Portion idle, int few, Func<IReadOnlyList<SlotMove>, Task> step)
    {
        for (var done = 0; done < slots.Count && !stop.IsRequested;)
        {
            var hasClients = _timing.HasClients;
            var size = IsSlowToGossip ? slots.Count : !hasClients ? idle.Size : _timing.IsNear ? few : few * Far;
            var portion = slots.Skip(done).Take(size).ToList();
            var took = await _timing.RunAsync(RoundTrips, () => step(portion)).ConfigureAwait(false);
            if (!hasClients)
                idle.Took(portion.Count, took);
            done += portion.Count;
        }
    }

    private async Task<(NodeView Source, NodeView Target)> ReadEndsAsync()
    {
        var reading = new[] { source, target }.Select(node => _reader.ReadNodeAsync(node, stop.Abort));
        var views = await Task.WhenAll(reading).ConfigureAwait(false);
        return (views[0], views[1]);
    }

    private async Task SendAsync(ClusterNode node, IReadOnlyList<SlotMove> slots, string action, string? id)
    {
        if (slots.Count == 0)
            return;
        var connection = await _reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(Commands(slots, action, id), null, stop.Abort).ConfigureAwait(false);
        for (var i = 0; i < slots.Count; i++)
        {
            if (replies[i].IsError)
                slots[i].Defer(Printable.Clean(replies[i].Text, 200));
        }
    }

    private async Task<IReadOnlyList<long?>> CountAsync(ClusterNode node, IReadOnlyList<SlotMove> slots)
    {
        if (slots.Count == 0)
            return [];
        var connection = await _reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var numbers = slots.Select(slot => slot.Slot).ToList();
        return await SlotKeyCounter.CountAsync(connection, node.View!.Databases, numbers, stop.Abort).ConfigureAwait(false);
    }

    private static List<RespCommand> Commands(IReadOnlyList<SlotMove> slots, string action, string? id) => slots
        .Select(slot => id is null
            ? RespCommand.Of("CLUSTER", "SETSLOT", slot.Slot, action)
            : RespCommand.Of("CLUSTER", "SETSLOT", slot.Slot, action, id)).ToList();

    private static List<SlotMove> InBulk(IReadOnlyList<SlotMove> slots) => slots.Where(slot => !slot.IsDeferred).ToList();

    /// <summary>
    /// The number of slots in one portion while no client uses the nodes. A server carries out what it has read, even after the other end
    /// died or the run was stopped, so a portion is bounded in time. Each portion costs both servers a write of their configuration to the
    /// disk, so it is no smaller than it must be. Valkey takes 2 ms a slot with replicas, a hundredth of that without.
    /// </summary>
    private sealed class Portion
    {
        private const int Least = 128;
        private const int Most = 1024;
        private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(250);

        public int Size { get; private set; } = 512;

        public void Took(int count, TimeSpan took)
        {
            if (took > Longest)
                Size = Math.Max(Least, Math.Min(Size, (int)(count * Longest.TotalSeconds / took.TotalSeconds)));
            else if (count >= Size && took.Ticks < Longest.Ticks / 2)
                Size = Math.Min(Most, Size * 2);
        }
    }
}
