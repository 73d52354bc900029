using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Atomic;
using RedisClusterOps.Migration.Bulk;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>
/// Completes the open slots of an interrupted run before its undo, so that no read fails. They then return with the other slots.
/// </summary>
/// <remarks>No slot is merely closed: a client may have written a key to the target, which would then read as missing.</remarks>
/// <param name="pair">The way back: its target is the source of the interrupted run.</param>
internal sealed class InterruptedMoveRecovery(MoveContext context, MasterPair pair, IPairMoveObserver observer, StopRequest stop)
{
    private static readonly TimeSpan TaskPause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Waits for the servers' own migrations, which outlive a killed process. The slots that they transfer are included in the undo.
    /// </summary>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    public async Task AwaitServersAsync()
    {
        var moving = SlotsOf(pair.Source.View!.AtomicTasks.Concat(pair.Target.View!.AtomicTasks));
        if (moving.Count == 0)
            return;
        var what = AtomicText.Of(SlotSet.From(moving.Select(slot => slot.Slot))) + " from " + pair.Target.Name + " to " + pair.Source.Name;
        context.Log?.Warning(null, "The servers are still moving " + what + ". Waiting until they have finished.");
        try
        {
            while (SlotsOf(await ReadTasksAsync().ConfigureAwait(false)).Count > 0)
                await stop.PauseAsync(TaskPause).ConfigureAwait(false);
            // Both nodes are asked for flags and owners from here on, so both have to know of the handover.
            var from = await context.Reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false);
            var to = await context.Reader.ReadNodeAsync(pair.Target, stop.Abort).ConfigureAwait(false);
            foreach (var slot in moving)
            {
                var hasMoved = to.Self.Slots.Contains(slot.Slot) && !from.Self.Slots.Contains(slot.Slot);
                slot.State = hasMoved ? SlotMoveState.OnTarget : SlotMoveState.Waiting;
            }
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            foreach (var slot in moving)
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
            await CompleteAsync(slots).ConfigureAwait(false);
        }
        finally
        {
            // They are completed individually with every check, or by a resumed run.
            foreach (var slot in slots.Where(slot => slot.State != SlotMoveState.Waiting))
                slot.Defer("its migration to " + pair.Source.Name + " is still open");
        }
    }

    private async Task CompleteAsync(List<SlotMove> slots)
    {
        foreach (var slot in slots)
            slot.Begin(stop.Clock.Now);
        var replicas = new SourceReplicas(context.Reader, pair.Target, pair.Source, context.Log);
        var handover = new BulkSlotHandover(context, pair.Target, pair.Source, replicas, stop);
        stop.ThrowIfRequested();
        await FinishHandoversAsync(handover, slots).ConfigureAwait(false);
        slots = slots.Where(slot => slot.State != SlotMoveState.Waiting).ToList();
        stop.ThrowIfRequested();
        await handover.OpenAsync(slots).ConfigureAwait(false);
        stop.ThrowIfRequested();
        await new SlotStream(context, pair.Target, pair.Source, stop).DrainAsync(slots).ConfigureAwait(false);
        foreach (var slot in await handover.HandOverAsync(slots).ConfigureAwait(false))
            Arrived(slot);
    }

    // The node took over these slots, and the other has not closed them yet.
    private async Task FinishHandoversAsync(BulkSlotHandover handover, List<SlotMove> slots)
    {
        var owned = (await context.Reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false)).Self.Slots;
        var transferred = slots.Where(slot => owned.Contains(slot.Slot)).ToList();
        await handover.FinishSourceAsync(transferred).ConfigureAwait(false);
        foreach (var slot in transferred)
            Arrived(slot);
    }

    // From here on it returns like every other slot.
    private static void Arrived(SlotMove slot) => slot.Reset();

    private async Task<IEnumerable<AtomicTask>> ReadTasksAsync()
    {
        var tasks = await context.Reader.ReadTasksAsync(pair.Source, stop.Abort).ConfigureAwait(false);
        return tasks.Concat(await context.Reader.ReadTasksAsync(pair.Target, stop.Abort).ConfigureAwait(false));
    }

    private List<SlotMove> SlotsOf(IEnumerable<AtomicTask> tasks)
    {
        var moving = new HashSet<int>(tasks.Where(task => task.End == AtomicEnd.None).SelectMany(task => task.Slots.Slots));
        return pair.Slots.Where(slot => moving.Contains(slot.Slot)).ToList();
    }
}
