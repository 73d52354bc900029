using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Moves the slots of a pair of masters by the servers' own migration, and reports each slot to the run.</summary>
internal sealed class AtomicPairMove(MoveContext context, MasterPair pair, IPairMoveObserver observer, StopRequest stop)
{
    // What a task with a time limit takes: some seconds.
    private const long MostKeysInTime = 200_000;

    // The servers delete the leftovers of a cancelled task in the background.
    private static readonly TimeSpan Leftover = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LeftoverPause = TimeSpan.FromMilliseconds(50);

    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">Not all slots have moved.</exception>
    public async Task RunAsync()
    {
        await DeferStraysAsync().ConfigureAwait(false);
        var waiting = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (waiting.Count == 0)
            return;
        await context.CountKeysAsync(pair, waiting, stop.Abort).ConfigureAwait(false);
        foreach (var slots in TasksOf(waiting).TakeWhile(_ => !context.IsTimeOver))
            await RunTaskAsync(slots).ConfigureAwait(false);
    }

    // A task moves all of its slots or none. A run that has to end in time moves only some of them with each.
    private IEnumerable<IReadOnlyList<SlotMove>> TasksOf(IReadOnlyList<SlotMove> waiting)
    {
        var (slots, keys) = (new List<SlotMove>(), 0L);
        foreach (var slot in waiting)
        {
            if (context.Options.Until is not null && slots.Count > 0 && keys + slot.Keys > MostKeysInTime)
            {
                yield return slots;
                (slots, keys) = ([], 0);
            }

            slots.Add(slot);
            keys += slot.Keys;
        }

        yield return slots;
    }

    private async Task RunTaskAsync(IReadOnlyList<SlotMove> slots)
    {
        observer.RecordIntent(pair, slots);
        foreach (var slot in slots)
            slot.Begin(stop.Clock.Now);
        var set = SlotSet.From(slots.Select(slot => slot.Slot));
        var move = new AtomicMove(context.Reader, pair.Source, pair.Target, set, context.Log, stop, context.Count.Report)
        {
            Ours = context.AtomicTasks,
        };
        try
        {
            if ((await move.RunAsync().ConfigureAwait(false)).Note is { } note)
                context.Log?.State(null, note);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            // If it is unknown what has moved, a resumed run reads it.
            if (await TransferredAsync(slots).ConfigureAwait(false) is { } moved)
            {
                // No other node is asked here: after a stop there may be no time. The end of the run verifies the transferred slots.
                Moved(moved);
                observer.RestoreSlots(pair, slots.Except(moved).ToList());
            }

            throw;
        }

        Moved(slots);
        await observer.VerifyDueAsync().ConfigureAwait(false);
    }

    // A target may hold hidden keys of a slot that it does not own. Valkey 9.1 fails an assertion when such a slot arrives, and the servers
    // do not report keys that differ. So these slots are moved individually.
    private async Task DeferStraysAsync()
    {
        var slots = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        for (var started = stop.Clock.Now; slots.Count > 0;)
        {
            // Keys of a running task do not count, nor do slots that the target owns since.
            var (now, tasks) = await context.Reader.ReadViewThenTasksAsync(pair.Target, stop.Abort).ConfigureAwait(false);
            var arriving = tasks.Where(task => task.IsImport && task.End == AtomicEnd.None).ToList();
            slots = slots
                .Where(slot => !now.Self.Slots.Contains(slot.Slot) && !arriving.Exists(task => task.Slots.Contains(slot.Slot)))
                .ToList();
            var connection = await context.Reader.ConnectAsync(pair.Target, stop.Abort).ConfigureAwait(false);
            var (databases, numbers) = (pair.Target.View!.Databases, slots.Select(slot => slot.Slot).ToList());
            var counts = await SlotKeyCounter.CountAsync(connection, databases, numbers, stop.Abort).ConfigureAwait(false);
            slots = slots.Where((_, i) => counts[i] is > 0).ToList();
            if (stop.Clock.Now - started > Leftover)
                break;
            if (slots.Count > 0)
                await stop.PauseAsync(LeftoverPause).ConfigureAwait(false);
        }

        foreach (var slot in slots)
            slot.Defer("keys of it are on " + pair.Target.Name + " already");
    }

    private void Moved(IReadOnlyList<SlotMove> slots)
    {
        // How many of them arrived is counted when the owner is verified.
        context.Count.Keys(slots.Sum(slot => slot.Keys));
        observer.SlotsTransferred(pair, slots);
    }

    // The slots of one task are transferred together. Of several tasks, some may have completed. Null if an end can't be read.
    private async Task<IReadOnlyList<SlotMove>?> TransferredAsync(IReadOnlyList<SlotMove> slots)
    {
        try
        {
            var from = await context.Reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false);
            var to = await context.Reader.ReadNodeAsync(pair.Target, stop.Abort).ConfigureAwait(false);
            return slots.Where(slot => to.Self.Slots.Contains(slot.Slot) && !from.Self.Slots.Contains(slot.Slot)).ToList();
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return null;
        }
    }
}
