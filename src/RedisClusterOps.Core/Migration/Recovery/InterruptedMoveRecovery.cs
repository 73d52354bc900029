using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Migration.Bulk;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>
/// Where a run is undone that was cut off, many slots are still on their way there. They are brought to the end first, all together, so that no
/// read fails, and go back with the many. None is merely closed: a client may have written a key to the target, which would read as missing.
/// </summary>
/// <param name="pair">The way back: its target is the master that the slots were leaving.</param>
internal sealed class InterruptedMoveRecovery(MoveContext context, MasterPair pair, IPairMoveObserver observer, StopRequest stop)
{
    private static readonly TimeSpan TaskPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Who killed the run did not kill what the servers do by themselves: what they give away in the end has to come back as well.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for.</exception>
    public async Task AwaitServersAsync()
    {
        var under = UnderWay(pair.Source.View!.AtomicTasks.Concat(pair.Target.View!.AtomicTasks));
        if (under.Count == 0)
            return;
        context.Log?.Warning(null, "The servers are still moving " + AtomicText.Of(SlotSet.From(under.Select(slot => slot.Slot))) + " from " + pair.Target.Name + " to " + pair.Source.Name + ". Waiting until that has come to an end.");
        try
        {
            while (UnderWay((await context.Reader.ReadTasksAsync(pair.Source, stop.Abort).ConfigureAwait(false)).Concat(await context.Reader.ReadTasksAsync(pair.Target, stop.Abort).ConfigureAwait(false))).Count > 0)
                await stop.PauseAsync(TaskPause).ConfigureAwait(false);
            // Both have to know of the hand-over, for both are asked for flags and owners from here on.
            var (from, to) = (await context.Reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false), await context.Reader.ReadNodeAsync(pair.Target, stop.Abort).ConfigureAwait(false));
            foreach (var slot in under)
                slot.State = to.Self.Slots.Contains(slot.Slot) && !from.Self.Slots.Contains(slot.Slot) ? SlotMoveState.OnTarget : SlotMoveState.Waiting;
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            foreach (var slot in under)
                slot.Defer("the servers are moving it");
        }
    }

    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">One of the two nodes can't be reached.</exception>
    public async Task RunAsync()
    {
        var slots = pair.Slots.Where(slot => slot is { State: SlotMoveState.Interrupted, IsDeferred: false }).ToList();
        if (slots.Count == 0)
            return;
        observer.RecordIntent(pair, slots);
        try
        {
            await BringAsync(slots).ConfigureAwait(false);
        }
        finally
        {
            // They are finished individually and with every check, or by a resume.
            foreach (var slot in slots.Where(slot => slot.State != SlotMoveState.Waiting))
                slot.Defer("it is still on its way to " + pair.Source.Name);
        }
    }

    private async Task BringAsync(List<SlotMove> slots)
    {
        foreach (var slot in slots)
            slot.Begin(stop.Clock.Now);
        var gate = new BulkSlotHandover(context, pair.Target, pair.Source, stop);
        stop.ThrowIfRequested();
        await EndHandOversAsync(gate, slots).ConfigureAwait(false);
        slots = slots.Where(slot => slot.State != SlotMoveState.Waiting).ToList();
        stop.ThrowIfRequested();
        await gate.OpenAsync(slots).ConfigureAwait(false);
        stop.ThrowIfRequested();
        await new SlotStream(context, pair.Target, pair.Source, stop).DrainAsync(slots).ConfigureAwait(false);
        foreach (var slot in await gate.HandOverAsync(slots).ConfigureAwait(false))
            Arrived(slot);
    }

    // Given there, and not yet closed here.
    private async Task EndHandOversAsync(BulkSlotHandover gate, List<SlotMove> slots)
    {
        var owned = (await context.Reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false)).Self.Slots;
        var given = slots.Where(slot => owned.Contains(slot.Slot)).ToList();
        await gate.FinishSourceAsync(given).ConfigureAwait(false);
        foreach (var slot in given)
            Arrived(slot);
    }

    // From here on it goes back like every other slot.
    private static void Arrived(SlotMove slot) => slot.Reset();

    private List<SlotMove> UnderWay(IEnumerable<AtomicTask> tasks)
    {
        var moving = new HashSet<int>(tasks.Where(task => task.End == AtomicEnd.None).SelectMany(task => task.Slots.Slots));
        return pair.Slots.Where(slot => moving.Contains(slot.Slot)).ToList();
    }
}
