using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>How an operation waits, and a request to stop: the batch in hand may finish, and is aborted if it takes too long.</summary>
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

    /// <summary>The time to wait in.</summary>
    public IClock Clock { get; }

    /// <summary>True once a stop was requested.</summary>
    public bool IsRequested => _stop.IsCancellationRequested;

    /// <summary>Ends what is under way: for sends.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>A request that ends what may still be done after this stop.</summary>
    /// <param name="until">No further step begins then. Both times count from this stop, in real time.</param>
    /// <param name="abort">What is under way is aborted then.</param>
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
