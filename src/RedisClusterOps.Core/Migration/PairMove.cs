using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Planning;
using RedisClusterOps.Protocol;
using RedisClusterOps.Topology;

namespace RedisClusterOps.Migration;

/// <summary>
/// Moves many slots from one source to one target, some hundreds at a time: while the keys of one window move, the next is opened and
/// the one before handed over.
/// </summary>
/// <remarks>
/// Only what is clean goes this way. A slot that anything is not as expected with is set apart, and is moved alone afterwards by the runner
/// that reads, plans and checks each step.
/// </remarks>
internal sealed class PairMove(ClusterReader reader, SlotPair pair, SlotMoveRun run, StopRequest stop)
{
    // As many slots as may be left open when we are killed; enough that a step for all of them costs little more than for one.
    private const int MostSlots = 1024;
    private const long ManyKeys = 20_000;
    private const int MostBreaks = 3;
    private static readonly TimeSpan AfterBreak = TimeSpan.FromMilliseconds(500);

    // Who pressed Ctrl+C is answered within a second.
    private static readonly TimeSpan WindingDown = TimeSpan.FromMilliseconds(500);

    // Garnet raises its epoch with each step and gossips it every few seconds, and no slot is handed over before that was heard. So all at once there.
    private readonly int _mostSlots = pair.Target.View?.Facts.Engine == ServerEngine.Garnet ? HashSlot.Count : MostSlots;

    // Between the reading of flags and what follows upon it should be little time.
    private const int FewSlots = 64;

    private readonly SlotGate _gate = new(reader, pair.Source, pair.Target, run.Pace, run.Log, stop);
    private readonly HashSet<SlotInMove> _open = [];

    /// <summary>Moves what is clean. Whatever is set apart is left in a state that has a name.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for: slots whose turn had come were finished, where there was time, and else are open with every key in reach.</exception>
    /// <exception cref="RedisOperationException">Nothing more can be moved between these two; slots whose turn had not come are as they were.</exception>
    public async Task RunAsync()
    {
        var waiting = new Queue<SlotInMove>(pair.Slots.Where(slot => slot.IsWaiting));
        if (waiting.Count > 0)
            await new BusQuiet(reader, stop).AwaitAsync(pair.Source, pair.Target).ConfigureAwait(false);
        // Also to make windows of like size.
        await run.CountAsync(pair, waiting.ToList()).ConfigureAwait(false);
        for (var breaks = 0; waiting.Count > 0;)
        {
            try
            {
                await StreamAsync(waiting).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                await WindDownAsync().ConfigureAwait(false);
                throw;
            }
            catch (RedisConnectionException lost)
            {
                SetApart(lost.Message);
                if (++breaks >= MostBreaks)
                    throw;
                run.Log?.Warning(null, lost.Message + " Going on with the slots whose turn has not come.");
                await stop.PauseAsync(AfterBreak).ConfigureAwait(false);
            }
            catch (RedisOperationException failure)
            {
                SetApart(failure.Message);
                throw;
            }
        }
    }

    private async Task StreamAsync(Queue<SlotInMove> waiting)
    {
        var stream = Stream(stop);
        var (opening, closing) = (OpenAsync(waiting), Task.CompletedTask);
        try
        {
            while (await opening.ConfigureAwait(false) is { Count: > 0 } window)
            {
                opening = OpenAsync(waiting);
                await stream.DrainAsync(window).ConfigureAwait(false);
                await closing.ConfigureAwait(false);
                closing = CloseAsync(window);
            }

            await closing.ConfigureAwait(false);
        }
        catch
        {
            await EndedAsync(opening).ConfigureAwait(false);
            await EndedAsync(closing).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<IReadOnlyList<SlotInMove>> OpenAsync(Queue<SlotInMove> waiting)
    {
        stop.ThrowIfRequested();
        if (waiting.Count > 0)
            await run.Pace.LookAsync(pair.Source, pair.Target).ConfigureAwait(false);
        var window = new List<SlotInMove>();
        for (var keys = 0L; waiting.Count > 0 && window.Count < _mostSlots && (window.Count == 0 || keys + waiting.Peek().Keys <= ManyKeys);)
        {
            window.Add(waiting.Dequeue());
            keys += window[window.Count - 1].Keys;
        }

        if (window.Count == 0)
            return window;
        // What is not written down is not touched.
        run.Intend(pair, window);
        lock (_open)
            _open.UnionWith(window);
        foreach (var slot in window)
            slot.Began = stop.Clock.Now;
        await _gate.OpenAsync(window).ConfigureAwait(false);
        return window;
    }

    private async Task CloseAsync(IReadOnlyList<SlotInMove> window)
    {
        for (var done = 0; done < window.Count;)
        {
            var some = window.Skip(done).Take(run.Pace.IsGentle(pair.Source, pair.Target) ? FewSlots : window.Count).ToList();
            await GivenAsync(await _gate.HandOverAsync(some).ConfigureAwait(false)).ConfigureAwait(false);
            done += some.Count;
        }
    }

    private async Task GivenAsync(IReadOnlyList<SlotInMove> given)
    {
        lock (_open)
            _open.ExceptWith(given);
        run.Given(pair, given);
        await run.LookAsync().ConfigureAwait(false);
    }

    private void SetApart(string why)
    {
        foreach (var slot in Open())
            slot.Separate(Printable.Clean(why, 200));
    }

    private List<SlotInMove> Open()
    {
        lock (_open)
            return _open.OrderBy(slot => slot.Slot).ToList();
    }

    // No slot is put back: a client may have written a key to the target meanwhile, which would read as missing. What is open is finished if there
    // is time, and else stays open, with every key in reach.
    private async Task WindDownAsync()
    {
        using var limit = new CancellationTokenSource(WindingDown);
        using var briefly = new StopRequest(stop.Clock, limit.Token);
        try
        {
            var open = Open();
            try
            {
                await Stream(briefly).DrainAsync(open).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Those that are empty by now can be handed over all the same.
            }

            using var lastLimit = new CancellationTokenSource(WindingDown);
            using var last = new StopRequest(stop.Clock, lastLimit.Token);
            await GivenAsync(await new SlotGate(reader, pair.Source, pair.Target, run.Pace, run.Log, last).HandOverAsync(open.Where(slot => slot.Moved >= slot.Keys).ToList()).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is OperationCanceledException or RedisOperationException)
        {
            // Whatever is left is told slot by slot.
        }

        SetApart("the run was stopped");
    }

    private SlotStream Stream(StopRequest until) => new(
        reader, pair.Source, pair.Target, MigrateRequest.From(run.Session, run.Options, pair.Source, pair.Target), run.Options, run.Pace, run.Count, until);

    // A failure beside the one that ends the stream says nothing new, but has to be looked at.
    private static async Task EndedAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is OperationCanceledException or RedisOperationException)
        {
        }
    }
}
