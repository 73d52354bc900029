using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Recovery;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Moves many slots from one source to one target, window by window (<see cref="MoveWindows"/>): while the keys of one window move, the
/// next is opened and the one before is handed over.
/// </summary>
/// <remarks>
/// Only slots without a surprise go this way. Any other is set apart, and is moved individually afterwards by the runner that reads,
/// plans and checks each step.
/// </remarks>
internal sealed class PairMove(ClusterReader reader, MasterPair pair, SlotMoveRun run, StopRequest stop)
{
    private const int MostBreaks = 3;
    private static readonly TimeSpan AfterBreak = TimeSpan.FromMilliseconds(500);

    // Between the reading of flags and what follows upon it should be little time.
    private const int FewSlots = 64;

    private readonly BulkSlotHandover _handover = Gate(reader, pair, run, stop);
    private readonly HashSet<SlotMove> _open = [];
    private Task _look = Task.CompletedTask;

    /// <summary>Moves all slots without a surprise. Those that are set apart are left in a named state.</summary>
    /// <exception cref="OperationCanceledException">
    /// A stop was requested. Open slots were finished while there was time; the others are open with every key in reach.
    /// </exception>
    /// <exception cref="RedisOperationException">
    /// Nothing more can be moved between these two nodes; slots that had not been taken up are unchanged.
    /// </exception>
    public async Task RunAsync()
    {
        try
        {
            await MoveAsync().ConfigureAwait(false);
        }
        finally
        {
            await _look.ConfigureAwait(false);
        }
    }

    private async Task MoveAsync()
    {
        var waiting = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (waiting.Count > 0)
            await new BusQuiet(reader, stop).AwaitAsync(pair.Source, pair.Target).ConfigureAwait(false);
        // The counts also decide how many slots make a window.
        await run.CountAsync(pair, waiting).ConfigureAwait(false);
        // On Garnet no slot is handed over before the source's last epoch was heard, and it raises its epoch with each step.
        var windows = new MoveWindows(waiting, run.KeysPerSecond) { AreWhole = pair.Target.View?.Facts.Engine == ServerEngine.Garnet };
        for (var breaks = 0; !windows.IsEmpty;)
        {
            try
            {
                await StreamAsync(windows).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                await WindDownAsync().ConfigureAwait(false);
                throw;
            }
            catch (RedisConnectionException lost)
            {
                DeferOpenSlots(lost.Message);
                if (++breaks >= MostBreaks)
                    throw;
                run.Log?.Warning(null, lost.Message + " Going on with the slots whose turn has not come.");
                await stop.PauseAsync(AfterBreak).ConfigureAwait(false);
            }
            catch (RedisOperationException failure)
            {
                DeferOpenSlots(failure.Message);
                throw;
            }
        }
    }

    private async Task StreamAsync(MoveWindows windows)
    {
        var stream = Stream(stop);
        var (opening, closing) = (OpenAsync(windows), Task.CompletedTask);
        try
        {
            while (await opening.ConfigureAwait(false) is { Count: > 0 } window)
            {
                // A limited rate is made up for after the opening, so the next window need not be open early.
                if (run.KeysPerSecond is null)
                    opening = OpenAsync(windows);
                await TimedAsync(stream.DrainAsync(window), took => windows.Drained(window, took)).ConfigureAwait(false);
                await closing.ConfigureAwait(false);
                closing = TimedAsync(CloseAsync(window), took => windows.Passed(window, took));
                if (run.KeysPerSecond is not null)
                    opening = OpenAsync(windows);
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

    private async Task<IReadOnlyList<SlotMove>> OpenAsync(MoveWindows windows)
    {
        stop.ThrowIfRequested();
        if (!windows.IsEmpty)
            await run.Pace.LookAsync(pair.Source, pair.Target, stop).ConfigureAwait(false);
        var window = windows.Next();
        if (window.Count == 0)
            return window;
        // A slot without a journal entry is not touched.
        run.RecordIntent(pair, window);
        lock (_open)
            _open.UnionWith(window);
        foreach (var slot in window)
            slot.Begin(stop.Clock.Now);
        await TimedAsync(_handover.OpenAsync(window), took => windows.Passed(window, took)).ConfigureAwait(false);
        stop.ThrowIfRequested();
        return window;
    }

    private async Task CloseAsync(IReadOnlyList<SlotMove> window)
    {
        for (var done = 0; done < window.Count;)
        {
            stop.ThrowIfRequested();
            var some = window.Skip(done).Take(run.Pace.IsGentle(pair.Source, pair.Target) ? FewSlots : window.Count).ToList();
            Given(await _handover.HandOverAsync(some).ConfigureAwait(false));
            // The proof reads every node. While one of them hangs, slots still move.
            if (_look.IsCompleted)
                _look = EndedAsync(run.VerifyDueAsync());
            done += some.Count;
        }
    }

    private void Given(IReadOnlyList<SlotMove> given)
    {
        lock (_open)
            _open.ExceptWith(given);
        run.SlotsTransferred(pair, given);
    }

    private void DeferOpenSlots(string why)
    {
        foreach (var slot in Open())
            slot.Defer(Printable.Clean(why, 200));
    }

    private List<SlotMove> Open()
    {
        lock (_open)
            return _open.OrderBy(slot => slot.Slot).ToList();
    }

    // STABLE is no way back: a client may have written a key to the target meanwhile, which would read as missing. Slots that are open
    // are finished if there is time, at the rate that is allowed. The others stay open, with every key in reach.
    private async Task WindDownAsync()
    {
        RestoreUntouched();
        var filled = Open().Where(slot => !slot.IsEmptied).ToList();
        await InTimeAsync(StopDeadlines.Drain, StopDeadlines.DrainAbort, until => Stream(until).DrainAsync(filled)).ConfigureAwait(false);
        await InTimeAsync(StopDeadlines.HandOver, StopDeadlines.HandOverAbort, async until =>
        {
            var emptied = Open().Where(slot => slot is { State: SlotMoveState.Open, IsEmptied: true }).ToList();
            await Gate(reader, pair, run, until).HandOverAsync(emptied).ConfigureAwait(false);
        }).ConfigureAwait(false);
        // Also those of a batch before the one that was aborted; the proof at the end checks them like all others.
        Given(Open().Where(slot => slot is { State: SlotMoveState.HandedOver, IsDeferred: false }).ToList());
        DeferOpenSlots("the run was stopped");
    }

    private void RestoreUntouched()
    {
        var untouched = Open().Where(slot => slot is { State: SlotMoveState.Begun, IsDeferred: false }).ToList();
        lock (_open)
            _open.ExceptWith(untouched);
        if (untouched.Count > 0)
            run.RestoreSlots(pair, untouched);
    }

    private async Task InTimeAsync(TimeSpan until, TimeSpan abort, Func<StopRequest, Task> work)
    {
        using var limit = stop.Extend(until, abort);
        if (!limit.IsRequested)
            await EndedAsync(work(limit)).ConfigureAwait(false);
    }

    private SlotStream Stream(StopRequest until)
    {
        var request = MigrateRequest.From(run.Session, run.Options, pair.Source, pair.Target);
        return new SlotStream(reader, pair.Source, pair.Target, request, run.Options, run.Pace, run.Count, until);
    }

    private static BulkSlotHandover Gate(ClusterReader reader, MasterPair pair, SlotMoveRun run, StopRequest until) =>
        new(reader, pair.Source, pair.Target, run.Pace, run.Log, until);

    private async Task TimedAsync(Task work, Action<TimeSpan> learn)
    {
        var started = stop.Clock.Now;
        await work.ConfigureAwait(false);
        learn(stop.Clock.Now - started);
    }

    // A failure beside the one that ends the stream adds nothing, but its exception must be observed.
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
