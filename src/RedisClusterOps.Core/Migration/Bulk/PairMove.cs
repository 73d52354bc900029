using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Moves many slots from one source to one target, window by window (<see cref="MoveWindows"/>): while the keys of one window move, the
/// next is opened and the one before is handed over.
/// </summary>
/// <remarks>
/// Only slots without a surprise move this way. Any other is deferred, and is moved individually afterwards by the runner that reads,
/// plans and checks each step.
/// </remarks>
internal sealed class PairMove(MoveContext context, MasterPair pair, IPairMoveObserver observer, StopRequest stop)
{
    private const int MostBreaks = 3;
    private static readonly TimeSpan AfterBreak = TimeSpan.FromMilliseconds(500);

    private readonly SourceReplicas _replicas = new(context.Reader, pair.Source, pair.Target, context.Log);
    private readonly HashSet<SlotMove> _open = [];
    private BulkSlotHandover? _handover;
    private Task _verification = Task.CompletedTask;

    /// <summary>Moves all slots without a surprise. Deferred slots are left in a named state.</summary>
    /// <exception cref="OperationCanceledException">
    /// A stop was requested. Open slots were finished while there was time; the others are open with every key in reach.
    /// </exception>
    /// <exception cref="RedisOperationException">
    /// Nothing more can be moved between these two nodes; slots that had not started are unchanged.
    /// </exception>
    public async Task RunAsync()
    {
        try
        {
            await MoveAsync().ConfigureAwait(false);
        }
        finally
        {
            await _verification.ConfigureAwait(false);
        }
    }

    private async Task MoveAsync()
    {
        var waiting = pair.Slots.Where(slot => slot.IsWaiting).ToList();
        if (waiting.Count > 0)
        {
            await new ClusterBusBarrier(context.Reader, stop)
                .AwaitAsync(pair.Source, pair.Target, context.SlotsReturn).ConfigureAwait(false);
        }

        // The counts also decide how many slots make a window.
        await context.CountKeysAsync(pair, waiting, stop.Abort).ConfigureAwait(false);
        var roundTrip = await context.Pace.Of(pair.Source).RoundTripAsync(stop.Abort).ConfigureAwait(false);
        var windows = new MoveWindows(waiting, context.KeysPerSecond, roundTrip)
        {
            // Each step raises the source's epoch there, and no slot is handed over before the target knows the last one.
            AreWhole = pair.Target.View?.Facts.Engine == ServerEngine.Garnet,
        };
        for (var breaks = 0; !windows.IsEmpty && !context.IsTimeOver;)
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
                context.Log?.Warning(null, lost.Message + " Continuing with the slots that have not started.");
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
        var stream = new SlotStream(context, pair.Source, pair.Target, stop);
        // Connects while the first window opens.
        var connecting = EndedAsync(context.Reader.ConnectForKeysAsync(pair.Source, 0, stop.Abort));
        var (opening, closing) = (OpenAsync(windows), Task.CompletedTask);
        try
        {
            while (await opening.ConfigureAwait(false) is { Count: > 0 } window)
            {
                await connecting.ConfigureAwait(false);
                // At a limited rate there is time to open the next window after this one is empty, so fewer slots are open.
                if (context.KeysPerSecond is null)
                    opening = OpenAsync(windows);
                await TimedAsync(stream.DrainAsync(window), took => windows.Drained(window, took)).ConfigureAwait(false);
                await closing.ConfigureAwait(false);
                closing = TimedAsync(CloseAsync(window), took => windows.Passed(window, took));
                if (context.KeysPerSecond is not null)
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
            await context.Pace.CheckLoadAsync(pair.Source, pair.Target, stop).ConfigureAwait(false);
        if (windows.IsEmpty || context.IsTimeOver)
            return [];
        var window = windows.Next();
        observer.RecordIntent(pair, window);
        lock (_open)
            _open.UnionWith(window);
        foreach (var slot in window)
            slot.Begin(stop.Clock.Now);
        await TimedAsync((_handover ??= Handover(stop)).OpenAsync(window), took => windows.Passed(window, took)).ConfigureAwait(false);
        stop.ThrowIfRequested();
        return window;
    }

    private async Task CloseAsync(IReadOnlyList<SlotMove> window)
    {
        stop.ThrowIfRequested();
        Transferred(await _handover!.HandOverAsync(window).ConfigureAwait(false));
        // The verification reads every node. While one of them hangs, slots still move.
        if (_verification.IsCompleted)
            _verification = EndedAsync(observer.VerifyDueAsync());
        // Slots that a stop left open are finished while there is time.
        stop.ThrowIfRequested();
    }

    private void Transferred(IReadOnlyList<SlotMove> slots)
    {
        lock (_open)
            _open.ExceptWith(slots);
        observer.SlotsTransferred(pair, slots);
    }

    // Slots of batches before the one that failed have been handed over. The verification at the end covers them, too.
    private void DeferOpenSlots(string why)
    {
        Transferred(Open().Where(slot => slot is { State: SlotMoveState.HandedOver, IsDeferred: false }).ToList());
        foreach (var slot in Open())
            slot.Defer(Printable.Clean(why, 200));
    }

    private List<SlotMove> Open()
    {
        lock (_open)
            return _open.OrderBy(slot => slot.Slot).ToList();
    }

    // STABLE is no way back: a client may have written a key to the target meanwhile, which would read as missing. Open slots are
    // finished while there is time, at the rate that is allowed. The others stay open, with every key in reach.
    private async Task WindDownAsync()
    {
        RestoreUntouched();
        var filled = Open().Where(slot => !slot.IsEmptied).ToList();
        await InTimeAsync(StopDeadlines.Drain, StopDeadlines.DrainAbort, until =>
            new SlotStream(context, pair.Source, pair.Target, until).DrainAsync(filled)).ConfigureAwait(false);
        await InTimeAsync(StopDeadlines.HandOver, StopDeadlines.HandOverAbort, async until =>
        {
            var emptied = Open().Where(slot => slot is { State: SlotMoveState.Open, IsEmptied: true }).ToList();
            await Handover(until).HandOverAsync(emptied).ConfigureAwait(false);
        }).ConfigureAwait(false);
        DeferOpenSlots("the run was stopped");
    }

    private BulkSlotHandover Handover(StopRequest until) => new(context, pair.Source, pair.Target, _replicas, until);

    private void RestoreUntouched()
    {
        var untouched = Open().Where(slot => slot is { State: SlotMoveState.Begun, IsDeferred: false }).ToList();
        lock (_open)
            _open.ExceptWith(untouched);
        if (untouched.Count > 0)
            observer.RestoreSlots(pair, untouched);
    }

    private async Task InTimeAsync(TimeSpan until, TimeSpan abort, Func<StopRequest, Task> work)
    {
        using var limit = stop.Extend(until, abort);
        if (!limit.IsRequested)
            await EndedAsync(work(limit)).ConfigureAwait(false);
    }

    private async Task TimedAsync(Task work, Action<TimeSpan> learn)
    {
        var started = stop.Clock.Now;
        await work.ConfigureAwait(false);
        learn(stop.Clock.Now - started);
    }

    // Another failure beside the one that ends the stream adds nothing, but its exception must be observed.
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
