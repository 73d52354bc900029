using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration;

/// <summary>How an operation waits, and a request to stop it: the batch in progress may finish, but not take long.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly CancellationToken _stop;
    private readonly CancellationTokenSource _abort = new();
    private readonly CancellationTokenSource? _limit;
    private readonly CancellationTokenRegistration _registration;
    private readonly Stopwatch _since = new();

    public StopRequest(IClock clock, CancellationToken stop)
        : this(clock, StopDeadlines.Abort, null, stop)
    {
    }

    private StopRequest(IClock clock, TimeSpan grace, CancellationTokenSource? limit, CancellationToken stop)
    {
        Clock = clock;
        (_stop, _limit) = (stop, limit);
        _registration = stop.Register(() =>
        {
            _since.Start();
            _abort.CancelAfter(grace);
        });
    }

    /// <summary>The clock of all waits.</summary>
    public IClock Clock { get; }

    /// <summary>True once a stop was requested.</summary>
    public bool IsRequested => _stop.IsCancellationRequested;

    /// <summary>Ends what is in progress: for sends.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>A request that ends what may still be done after this stop.</summary>
    /// <param name="until">No further step begins then. Both times count from this stop, in real time.</param>
    /// <param name="abort">What is in progress is aborted then.</param>
    public StopRequest Extend(TimeSpan until, TimeSpan abort)
    {
        var (steps, grace) = (Left(until), Left(abort) - Left(until));
        var limit = new CancellationTokenSource(steps);
        return new StopRequest(Clock, grace, limit, limit.Token);
    }

    /// <summary>Waits, unless a stop is requested.</summary>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    public Task PauseAsync(TimeSpan pause) => Clock.PauseAsync(pause, _stop);

    /// <summary>Begins no further step after a stop.</summary>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    public void ThrowIfRequested() => _stop.ThrowIfCancellationRequested();

    public void Dispose()
    {
        _registration.Dispose();
        _abort.Dispose();
        _limit?.Dispose();
    }

    private TimeSpan Left(TimeSpan time) => time > _since.Elapsed ? time - _since.Elapsed : TimeSpan.Zero;
}

/// <summary>
/// What a bulk move may still do after a stop, in time since the request. All of it is over in two seconds, even if a node hangs.
/// </summary>
internal static class StopDeadlines
{
    /// <summary>The batch in progress is aborted.</summary>
    public static readonly TimeSpan Abort = TimeSpan.FromMilliseconds(700);

    /// <summary>
    /// No further keys of open slots are moved. Earlier than <see cref="Abort"/>: after that a node hangs, and moving would hang too.
    /// </summary>
    public static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(600);

    /// <summary>The batch of keys in progress is aborted.</summary>
    public static readonly TimeSpan DrainAbort = TimeSpan.FromMilliseconds(900);

    /// <summary>No further batch of empty slots is handed over.</summary>
    public static readonly TimeSpan HandOver = TimeSpan.FromMilliseconds(1100);

    /// <summary>The batch of slots in progress is aborted.</summary>
    public static readonly TimeSpan HandOverAbort = TimeSpan.FromMilliseconds(1400);

    /// <summary>The verification of the owners ends.</summary>
    public static readonly TimeSpan Verify = TimeSpan.FromMilliseconds(1650);

    /// <summary>No setting is restored any more.</summary>
    public static readonly TimeSpan Settings = TimeSpan.FromMilliseconds(1850);
}

/// <summary>Repeats a check with growing pauses.</summary>
internal static class Polling
{
    /// <summary>Completes when the check returns true.</summary>
    /// <param name="first">The first pause. Each further one is twice as long.</param>
    /// <param name="longest">The longest pause.</param>
    public static async Task UntilAsync(Func<Task<bool>> check, TimeSpan first, TimeSpan longest, Func<TimeSpan, Task> pause)
    {
        for (var wait = first; !await check().ConfigureAwait(false); wait = wait + wait > longest ? longest : wait + wait)
            await pause(wait).ConfigureAwait(false);
    }
}
