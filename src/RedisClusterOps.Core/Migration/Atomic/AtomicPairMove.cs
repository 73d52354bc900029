using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Has the servers move a pair's slots, and tells the run of each what became of it.</summary>
internal sealed class AtomicPairMove(MoveContext context, MasterPair pair, IPairMoveObserver observer, StopRequest stop)
{
    // What is left of a task that was cancelled is deleted in the background.
    private static readonly TimeSpan Leftover = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LeftoverPause = TimeSpan.FromMilliseconds(50);

    /// <exception cref="OperationCanceledException">A stop was asked for.</exception>
    /// <exception cref="RedisOperationException">They have not moved, or only some.</exception>
    public async Task RunAsync()
    {
        await DeferStraysAsync().ConfigureAwait(false);
        var slots = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (slots.Count == 0)
            return;
        await context.CountKeysAsync(pair, slots, stop.Abort).ConfigureAwait(false);
        observer.RecordIntent(pair, slots);
        foreach (var slot in slots)
            slot.Begin(stop.Clock.Now);
        var all = SlotSet.From(slots.Select(slot => slot.Slot));
        var move = new AtomicMove(context.Reader, pair.Source, pair.Target, all, context.Log, stop, context.Count.Report)
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
            var given = await GivenAsync(slots).ConfigureAwait(false);
            // Nobody is asked any more here: after a stop there may be no time, and what went wrong is what is told. The run's end proves what was given.
            Moved(given);
            observer.RestoreSlots(pair, slots.Except(given).ToList());
            throw;
        }

        Moved(slots);
        await observer.VerifyDueAsync().ConfigureAwait(false);
    }

    // A target that holds keys of a slot already, hidden as it does not own it: Valkey 9.1 dies of an assertion when such a slot arrives, and
    // nobody would say whether they differ.
    private async Task DeferStraysAsync()
    {
        var slots = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        for (var started = stop.Clock.Now; slots.Count > 0;)
        {
            // Of a task under way they are its own, and of one that has ended since the slots are.
            var (now, tasks) = await context.Reader.ReadEndAsync(pair.Target, stop.Abort).ConfigureAwait(false);
            var arriving = tasks.Where(task => task.IsImport && task.End == AtomicEnd.None).ToList();
            slots = slots.Where(slot => !now.Self.Slots.Contains(slot.Slot) && !arriving.Exists(task => task.Slots.Contains(slot.Slot))).ToList();
            var connection = await context.Reader.ConnectAsync(pair.Target, stop.Abort).ConfigureAwait(false);
            var counts = await SlotKeyCounter.CountAsync(connection, pair.Target.View!.Databases, slots.Select(slot => slot.Slot).ToList(), stop.Abort).ConfigureAwait(false);
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
        foreach (var slot in slots)
            slot.Moved = slot.Keys;
        context.Count.Keys(slots.Sum(slot => slot.Keys));
        observer.SlotsTransferred(pair, slots);
    }

    // All change hands at once, but of several tasks some may have.
    private async Task<IReadOnlyList<SlotMove>> GivenAsync(IReadOnlyList<SlotMove> slots)
    {
        try
        {
            var (from, to) = (await context.Reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false), await context.Reader.ReadNodeAsync(pair.Target, stop.Abort).ConfigureAwait(false));
            return slots.Where(slot => to.Self.Slots.Contains(slot.Slot) && !from.Self.Slots.Contains(slot.Slot)).ToList();
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            // Not known: whoever resumes reads it anew.
            return [];
        }
    }
}
