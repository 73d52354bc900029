using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>Measures CPU use from two samples of a server's CPU time: when the node was read, and a moment later.</summary>
internal sealed record CpuSampling
{
    // Long enough for a meaningful number, short enough not to be noticed.
    private static readonly TimeSpan FullWindow = TimeSpan.FromMilliseconds(150);

    // Our own commands cost an idle server a few percent of this time.
    private static readonly TimeSpan ShortWindow = TimeSpan.FromMilliseconds(3);

    // A server that uses more than 90 % over the full window is far above this at nearly any moment. The command rate also detects a
    // busy server that pauses between two bursts, because servers average it over 1.5 seconds.
    private const double BusyPercent = 30;
    private const long BusyCommandsPerSecond = 10_000;

    /// <summary>Measures every node over the full window.</summary>
    public static CpuSampling AllNodes { get; } = new() { Window = FullWindow };

    /// <summary>Measures only nodes that seem busy after a short window. If no node is busy, there is no further wait.</summary>
    public static CpuSampling BusyNodes { get; } = new() { Window = FullWindow, FirstWindow = ShortWindow };

    /// <summary>The time between the two samples.</summary>
    public TimeSpan Window { get; init; }

    /// <summary>The time after which a first sample decides whether the node is busy; null to measure every node.</summary>
    public TimeSpan? FirstWindow { get; init; }

    /// <returns>Percent of one core; null if the node does not report CPU times or is not busy.</returns>
    public async Task<double?> MeasureAsync(
        NodeView view, INodeConnection connection, IClock clock, TimeSpan timeout, CancellationToken cancellation)
    {
        if (view.Facts.CpuSeconds is not { } before)
            return null;
        if (FirstWindow is { } first && !(view.Facts.Number("instantaneous_ops_per_sec") >= BusyCommandsPerSecond))
        {
            var percent = await AfterAsync(first).ConfigureAwait(false);
            if (!(percent > BusyPercent))
                return null;
        }

        return await AfterAsync(Window).ConfigureAwait(false);

        async Task<double?> AfterAsync(TimeSpan wait)
        {
            var left = view.ReadAt + wait - clock.Now;
            if (left > TimeSpan.Zero)
                await clock.PauseAsync(left, cancellation).ConfigureAwait(false);
            var reply = await connection.AskAsync(RespCommand.Of("INFO", "cpu"), cancellation, timeout).ConfigureAwait(false);
            return reply.IsError || ServerFacts.Parse(reply.Text).CpuSeconds is not { } after
                ? null
                : Math.Round(Math.Max(0, 100 * (after - before) / (clock.Now - view.ReadAt).TotalSeconds), 1);
        }
    }
}
