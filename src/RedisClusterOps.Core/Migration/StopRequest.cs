using System;
using System.Threading;

namespace RedisClusterOps.Migration;

/// <summary>A request to stop: first the batch in hand may finish; a batch that hangs is given up shortly after.</summary>
internal sealed class StopRequest : IDisposable
{
    // The person at the keyboard is answered within a second.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(700);

    private readonly CancellationToken _stop;
    private readonly CancellationTokenSource _abort = new();
    private readonly CancellationTokenRegistration _registration;

    public StopRequest(CancellationToken stop)
    {
        _stop = stop;
        _registration = stop.Register(() => _abort.CancelAfter(Grace));
    }

    /// <summary>Ends what is under way: for sends.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>Ends a wait at once: nothing is under way then.</summary>
    public CancellationToken Waiting => _stop;

    /// <summary>Between steps: goes no further where a stop was asked for.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for.</exception>
    public void ThrowIfRequested() => _stop.ThrowIfCancellationRequested();

    public void Dispose()
    {
        _registration.Dispose();
        _abort.Dispose();
    }
}
