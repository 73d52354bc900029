using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps;

/// <summary>What an application saw in one interval: its operations, their errors and redirects, and how long they took.</summary>
public sealed record RedisClientSample : IClusterResult
{
    /// <summary>The end of the interval, UTC.</summary>
    public DateTime Time { get; init; }

    /// <summary>Operations that completed, those with an error included.</summary>
    public long Operations { get; init; }

    /// <summary>
    /// Operations that failed for the application, for any reason. One that was not sent because 5000 others wait is one of them.
    /// </summary>
    public long Errors { get; init; }

    /// <summary>MOVED replies that the library followed.</summary>
    public long Moved { get; init; }

    /// <summary>ASK replies that the library followed.</summary>
    public long Ask { get; init; }

    /// <summary>Errors because the keys of one command are on both ends of an open slot.</summary>
    public long TryAgain { get; init; }

    /// <summary>Errors because the cluster, or the owner of the slot, is down.</summary>
    public long ClusterDown { get; init; }

    /// <summary>Errors because no reply arrived in time.</summary>
    public long Timeouts { get; init; }

    /// <summary>Half of the operations took no longer, in milliseconds; null if none completed.</summary>
    public double? P50 { get; init; }

    /// <summary>99 of 100 operations took no longer, in milliseconds; null if none completed.</summary>
    public double? P99 { get; init; }

    /// <summary>The longest operation, in milliseconds; null if none completed.</summary>
    public double? Max { get; init; }

    /// <summary>Acknowledged writes that the cluster has lost, as the next reply for the same counter shows; null without writes.</summary>
    public long? LostWrites { get; init; }

    /// <summary>An error of the interval, as the library reports it; null if there was none.</summary>
    public string? Trouble { get; init; }

    /// <summary>The cluster it belongs to.</summary>
    internal RedisClusterSession? Cluster { get; init; }

    RedisClusterSession? IClusterResult.Cluster => Cluster;

    /// <summary>Such as <c>2026-01-01T12:00:00Z 200 operations, 0 errors</c>.</summary>
    public override string ToString() => string.Format(
        CultureInfo.InvariantCulture, "{0:s}Z {1} operations, {2} errors", Time, Operations, Errors);
}

/// <summary>What an application does while it is measured.</summary>
public sealed record ClientOptions
{
    /// <summary>How long it works, above zero. The default is 10 s.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time of one sample, above zero. The default is 1 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Operations per second, 1 or more. The default is 200.</summary>
    public int Rate { get; init; } = 200;

    /// <summary>Uses keys of these slots, 0 to 16383; null to choose keys of every master and of every open slot.</summary>
    public IReadOnlyCollection<int>? Slots { get; init; }

    /// <summary>Uses these keys, too; null for none.</summary>
    public IReadOnlyList<string>? Keys { get; init; }

    /// <summary>Two keys of one slot in each read, instead of one.</summary>
    public bool MultiKey { get; init; }

    /// <summary>Also increments counters of its own, in the same slots. They expire, and are deleted at the end.</summary>
    public bool Write { get; init; }
}

/// <summary>An application on a client library. The library is not part of the core: the front end loads it.</summary>
public abstract class RedisApplicationClient : IDisposable
{
    /// <summary>Connects, checks the login, and begins to work.</summary>
    /// <exception cref="RedisOperationException">ConnectionFailed, AuthenticationFailed.</exception>
    internal abstract Task StartAsync(ClientWork work, CancellationToken cancellation);

    /// <summary>Waits for the end of an interval, and returns its sample. Intervals follow each other without a gap.</summary>
    internal abstract Task<RedisClientSample> NextAsync(TimeSpan interval, CancellationToken cancellation);

    /// <summary>Ends the work, reads the counters for the last time, and deletes them.</summary>
    /// <param name="limit">How long this may take. What is not deleted by then expires.</param>
    /// <returns>A sample with the acknowledged writes that are lost at the end, and with the trouble if some counters could not be read.
    /// </returns>
    internal abstract Task<RedisClientSample> EndAsync(TimeSpan limit);

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the connections.</summary>
    protected abstract void Dispose(bool disposing);
}
