using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster;

/// <summary>How much of a core a server uses: from what it had used when it was read, and what it has used a moment later.</summary>
internal sealed record ProcessorWatch
{
    // Long enough for a number that means something, short enough to not be noticed.
    private static readonly TimeSpan Usual = TimeSpan.FromMilliseconds(150);

    // Our own questions cost a quiet server some percent of this.
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(3);

    // Who uses more than 90 % over the window is far above this at nearly any moment of it. A pause between two bursts does not hide
    // many short commands either: the servers count them over the last second and a half.
    private const double BusyPercent = 30;
    private const long BusyCommandsPerSecond = 10_000;

    /// <summary>Every node, over a window that gives a good number.</summary>
    public static ProcessorWatch Everywhere { get; } = new() { Window = Usual };

    /// <summary>Over the same window, but only nodes that seem busy at a glance; nobody is waited for where none is.</summary>
    public static ProcessorWatch WhereBusy { get; } = new() { Window = Usual, Glance = Short };

    public TimeSpan Window { get; init; }

    /// <summary>After how long a first look decides whether the node is watched for the whole window; null to watch every node.</summary>
    public TimeSpan? Glance { get; init; }

    /// <returns>Percent of one core; null where the node does not tell, or is quiet at a glance.</returns>
    public async Task<double?> LookAsync(NodeView view, INodeConnection connection, IClock clock, TimeSpan timeout, CancellationToken cancellation)
    {
        if (view.Facts.CpuSeconds is not { } before)
            return null;
        if (Glance is { } glance && !(view.Facts.Number("instantaneous_ops_per_sec") >= BusyCommandsPerSecond))
        {
            var seen = await AfterAsync(glance).ConfigureAwait(false);
            if (!(seen > BusyPercent))
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
