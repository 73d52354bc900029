using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration;

/// <summary>How an operation waits, and a request to stop: first the batch in hand may finish; a batch that hangs is given up shortly after.</summary>
internal sealed class StopRequest : IDisposable
{
    // The person at the keyboard is answered within a second.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(700);

    private readonly CancellationToken _stop;
    private readonly CancellationTokenSource _abort = new();
    private readonly CancellationTokenRegistration _registration;

    public StopRequest(IClock clock, CancellationToken stop)
    {
        Clock = clock;
        _stop = stop;
        _registration = stop.Register(() => _abort.CancelAfter(Grace));
    }

    /// <summary>The time to wait in.</summary>
    public IClock Clock { get; }

    /// <summary>Ends what is under way: for sends.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>Waits, unless a stop is asked for.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for.</exception>
    public Task PauseAsync(TimeSpan pause) => Clock.PauseAsync(pause, _stop);

    /// <summary>Between steps: goes no further where a stop was asked for.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for.</exception>
    public void ThrowIfRequested() => _stop.ThrowIfCancellationRequested();

    public void Dispose()
    {
        _registration.Dispose();
        _abort.Dispose();
    }
}
