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
/// Opens and hands over many slots between one source and one target, each step for many of them in one pipelined batch. The laws are
/// those of a single slot (<see cref="SlotHandover"/>).
/// </summary>
internal sealed class BulkSlotHandover(
    ClusterReader reader, ClusterNode source, ClusterNode target, MovePace pace, OperationLog? log, StopRequest stop)
{
    // While clients use the nodes. Each slot that is handed over raises the target's epoch, which is broadcast to every node, and each
    // node compares all slots. Fewer slots at a time would cost more, by what each batch writes to the nodes' files, than clients gain.
    // Opening a slot concerns only two nodes.
    private const int FewGiven = 8;
    private const int FewOpened = 32;

    // So many times that if each batch takes a long round trip.
    private const int Far = 8;

    // Of a portion: two commands for flags or owners, and a count.
    private const int RoundTrips = 3;

    private readonly Portion _opened = new();
    private readonly Portion _given = new();

    // Garnet raises its epoch with each step, and gossips it every few seconds: there all slots are one portion.
    private bool IsSlowToGossip => target.View?.Facts.Engine == ServerEngine.Garnet;

    private readonly SlotHandover _handover = new(reader, log);
    private readonly BatchTiming _timing = new(reader, source, target, pace, stop);

    /// <summary>
    /// Sets IMPORTING before MIGRATING; otherwise the source redirects clients to a target that rejects them. Counts the keys once the
    /// source takes no new ones.
    /// </summary>
    public async Task OpenAsync(IReadOnlyList<SlotMove> slots)
    {
        await InPortionsAsync(slots, _opened, FewOpened, async portion =>
        {
            foreach (var slot in portion)
                slot.State = SlotMoveState.Opening;
            await TellAsync(target, portion, "IMPORTING", source.Id).ConfigureAwait(false);
            await TellAsync(source, Clean(portion), "MIGRATING", target.Id).ConfigureAwait(false);
            var open = Clean(portion);
            foreach (var slot in open)
                slot.State = SlotMoveState.Open;
            var counts = await CountAsync(source, open).ConfigureAwait(false);
            // Without a count the keys themselves have to be listed.
            for (var i = 0; i < open.Count; i++)
                open[i].Keys = counts[i] ?? Math.Max(1, open[i].Keys);
        }).ConfigureAwait(false);
    }

    /// <summary>
    /// Hands empty slots over to the target. Zero is counted on the source immediately before, while it migrates. A slot that still has
    /// keys, or whose flags are not as they must be, is set apart.
    /// </summary>
    /// <returns>The slots that belong to the target now. After a stop the others stay as they are.</returns>
    public async Task<IReadOnlyList<SlotMove>> HandOverAsync(IReadOnlyList<SlotMove> slots)
    {
        IReadOnlyList<SlotMove> handedOver = [];
        var isOver = await SlotHandover.AwaitEpochAsync(
            async () =>
            {
                if (Clean(slots).Count == 0)
                    return true;
                await pace.EpochRaises.EnterAsync(target.Id, stop.Abort).ConfigureAwait(false);
                try
                {
                    if (!await AreReadyAsync(slots).ConfigureAwait(false))
                        return false;
                    handedOver = await AssignAsync(Clean(slots)).ConfigureAwait(false);
                    return true;
                }
                finally
                {
                    pace.EpochRaises.Leave(target.Id);
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
        await InPortionsAsync(ready, _given, FewGiven, async portion =>
        {
            var counts = await CountAsync(source, portion).ConfigureAwait(false);
            for (var i = 0; i < portion.Count; i++)
            {
                if (counts[i] is not 0)
                    portion[i].Defer(source.Name + (counts[i] is null ? " does not tell whether it holds keys of it" : " holds keys of it again"));
            }

            await TellAsync(target, Clean(portion), "NODE", target.Id).ConfigureAwait(false);
            await SendToSourceAsync(Clean(portion), "NODE", target.Id).ConfigureAwait(false);
            foreach (var slot in Clean(portion))
                slot.State = SlotMoveState.HandedOver;
        }).ConfigureAwait(false);
        var given = ready.Where(slot => slot.State == SlotMoveState.HandedOver).ToList();
        await ClearSourceFlagsAsync(given).ConfigureAwait(false);
        return given;
    }

    /// <summary>Tells the source that the slots are the target's, and ends what is left open there.</summary>
    // The owner is decided by now, so nothing is set apart any more. NODE ends the migrating flag only on a source that knows it has no
    // key; STABLE ends it on one that does not own the slot.
    public async Task FinishSourceAsync(IReadOnlyList<SlotMove> given)
    {
        await SendToSourceAsync(given, "NODE", target.Id).ConfigureAwait(false);
        await ClearSourceFlagsAsync(given).ConfigureAwait(false);
    }

    private async Task SendToSourceAsync(IReadOnlyList<SlotMove> slots, string action, string? id)
    {
        if (slots.Count == 0)
            return;
        var connection = await reader.ConnectAsync(source, stop.Abort).ConfigureAwait(false);
        await connection.SendAsync(Commands(slots, action, id), null, stop.Abort).ConfigureAwait(false);
    }

    private async Task ClearSourceFlagsAsync(IReadOnlyList<SlotMove> given)
    {
        if (given.Count == 0)
            return;
        var (now, winner) = await ReadEndsAsync().ConfigureAwait(false);
        // An emptied master may have become a replica: there is nothing to tell it any more.
        if (!now.Self.IsMaster)
            return;
        var left = given.Where(slot => !now.Self.Slots.Contains(slot.Slot) && (now.Self.MigratingTo.ContainsKey(slot.Slot) || now.Self.ImportingFrom.ContainsKey(slot.Slot))).ToList();
        await SendToSourceAsync(left, "STABLE", null).ConfigureAwait(false);
        if (winner.Self.ConfigEpoch <= now.Self.ConfigEpoch)
            await _handover.EnsureHigherEpochAsync(source, target, given[0].Slot, stop).ConfigureAwait(false);
    }

    // While the source migrates, or no longer owns the slot, an empty slot stays empty. Without the importing flag the target does not
    // raise its epoch, and it raises it above those that it has heard of: so it must have heard of the source's.
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

    // Each step for all slots of a portion in one pipelined batch; clients have their turn between two portions. No portion begins after
    // a stop.
    private async Task InPortionsAsync(IReadOnlyList<SlotMove> slots, Portion idle, int few, Func<IReadOnlyList<SlotMove>, Task> step)
    {
        for (var done = 0; done < slots.Count && !stop.IsRequested;)
        {
            var isGentle = _timing.AreGentle;
            var size = IsSlowToGossip ? slots.Count : !isGentle ? idle.Size : _timing.AreNear ? few : few * Far;
            var portion = slots.Skip(done).Take(size).ToList();
            var took = await _timing.TakeAsync(RoundTrips, () => step(portion)).ConfigureAwait(false);
            if (!isGentle)
                idle.Took(portion.Count, took);
            done += portion.Count;
        }
    }

    private async Task<(NodeView Source, NodeView Target)> ReadEndsAsync()
    {
        var views = await Task.WhenAll(reader.ReadNodeAsync(source, stop.Abort), reader.ReadNodeAsync(target, stop.Abort)).ConfigureAwait(false);
        return (views[0], views[1]);
    }

    private async Task TellAsync(ClusterNode node, IReadOnlyList<SlotMove> slots, string action, string? id)
    {
        if (slots.Count == 0)
            return;
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
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
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        return await SlotKeyCounter.CountAsync(connection, node.View!.Databases, slots.Select(slot => slot.Slot).ToList(), stop.Abort).ConfigureAwait(false);
    }

    private static List<RespCommand> Commands(IReadOnlyList<SlotMove> slots, string action, string? id) => slots
        .Select(slot => id is null ? RespCommand.Of("CLUSTER", "SETSLOT", slot.Slot, action) : RespCommand.Of("CLUSTER", "SETSLOT", slot.Slot, action, id)).ToList();

    private static List<SlotMove> Clean(IReadOnlyList<SlotMove> slots) => slots.Where(slot => !slot.IsDeferred).ToList();

    /// <summary>
    /// How many slots go into one portion while no client uses the nodes. A server carries out what it has read, even after the other end
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
