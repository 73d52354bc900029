using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>Has the servers move a pair's slots, and tells the run of each what became of it.</summary>
internal sealed class AtomicPairMove(ClusterReader reader, SlotPair pair, SlotMoveRun run, StopRequest stop)
{
    /// <exception cref="OperationCanceledException">A stop was asked for.</exception>
    /// <exception cref="RedisOperationException">They have not moved, or only some.</exception>
    public async Task RunAsync()
    {
        var slots = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (slots.Count == 0)
            return;
        await run.CountAsync(pair, slots).ConfigureAwait(false);
        run.Intend(pair, slots);
        foreach (var slot in slots)
            slot.Began = stop.Clock.Now;
        var move = new AtomicMove(reader, pair.Source, pair.Target, SlotSet.From(slots.Select(slot => slot.Slot)), run.Log, stop, run.Count.Report) { Ours = run.AtomicTasks };
        try
        {
            if ((await move.RunAsync().ConfigureAwait(false)).Note is { } note)
                run.Log?.State(null, note);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            var given = await GivenAsync(slots).ConfigureAwait(false);
            await MovedAsync(given).ConfigureAwait(false);
            run.PutBack(pair, slots.Except(given).ToList());
            throw;
        }

        await MovedAsync(slots).ConfigureAwait(false);
    }

    private async Task MovedAsync(IReadOnlyList<SlotInMove> slots)
    {
        foreach (var slot in slots)
            slot.Moved = slot.Keys;
        run.Count.Keys(slots.Sum(slot => slot.Keys));
        run.Given(pair, slots);
        await run.LookAsync().ConfigureAwait(false);
    }

    // All change hands at once, but of several tasks some may have.
    private async Task<IReadOnlyList<SlotInMove>> GivenAsync(IReadOnlyList<SlotInMove> slots)
    {
        try
        {
            var (from, to) = (await reader.ReadNodeAsync(pair.Source, stop.Abort).ConfigureAwait(false), await reader.ReadNodeAsync(pair.Target, stop.Abort).ConfigureAwait(false));
            return slots.Where(slot => to.Self.Slots.Contains(slot.Slot) && !from.Self.Slots.Contains(slot.Slot)).ToList();
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            // Not known: whoever resumes reads it anew.
            return [];
        }
    }
}
