using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Time as an operation waits for it. It comes with the connector: a simulated cluster has a time of its own.</summary>
internal interface IClock
{
    /// <summary>Time that has passed since some fixed moment; never goes back.</summary>
    TimeSpan Now { get; }

    /// <summary>The time of day, UTC, for what is kept beyond this process. It may be set back.</summary>
    DateTime UtcNow { get; }

    Task PauseAsync(TimeSpan pause, CancellationToken cancellation);
}

/// <summary>The time of this machine.</summary>
internal sealed class SystemClock : IClock
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    private SystemClock()
    {
    }

    public static SystemClock Instance { get; } = new();

    public TimeSpan Now => _watch.Elapsed;

    public DateTime UtcNow => DateTime.UtcNow;

    public Task PauseAsync(TimeSpan pause, CancellationToken cancellation) => Task.Delay(pause, cancellation);
}
