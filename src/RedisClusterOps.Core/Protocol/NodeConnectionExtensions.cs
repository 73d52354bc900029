using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Sends one command and returns one reply, with retries if a caller needs them.</summary>
internal static class NodeConnectionExtensions
{
    private static readonly TimeSpan ReadRetryLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ReadRetryPause = TimeSpan.FromMilliseconds(100);

    private static readonly ConditionalWeakTable<INodeConnection, object> Measured = new();

    /// <summary>Sends one command and returns its reply, which may be an error.</summary>
    public static async Task<RespValue> AskAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.SendAsync([command], timeout, cancellation).ConfigureAwait(false))[0];

    /// <summary>Sends one command and returns its reply. An error reply is thrown as an exception.</summary>
    /// <exception cref="RedisServerException">The server answered with an error.</exception>
    public static async Task<RespValue> SendAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.AskAsync(command, cancellation, timeout).ConfigureAwait(false)).OrThrow(connection.Endpoint, command);

    /// <summary>
    /// Measures the network latency, once for each connection: the minimum of three round trips, because the node may be busy during one of
    /// them.
    /// </summary>
    public static async Task<TimeSpan> MinimumRoundTripAsync(this INodeConnection connection, IClock clock, CancellationToken cancellation)
    {
        if (Measured.TryGetValue(connection, out var known))
            return (TimeSpan)known;
        var minimum = TimeSpan.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            var started = clock.Now;
            await connection.AskAsync(RespCommand.Of("PING"), cancellation).ConfigureAwait(false);
            var elapsed = clock.Now - started;
            minimum = elapsed < minimum ? elapsed : minimum;
        }

        Measured.GetValue(connection, _ => minimum);
        return minimum;
    }

    /// <summary>Sends read-only commands, and retries for up to 15 s while the node answers CLUSTERDOWN or LOADING.</summary>
    /// <remarks>A node that was blocked considers the cluster down until it receives pongs from the other nodes.</remarks>
    public static async Task<IReadOnlyList<RespValue>> ReadWithRetryAsync(
        this INodeConnection connection, IReadOnlyList<RespCommand> commands, IClock clock, CancellationToken cancellation)
    {
        for (var started = clock.Now; ;)
        {
            var replies = await connection.SendAsync(commands, null, cancellation).ConfigureAwait(false);
            if (!replies.Any(ServerErrors.IsTemporary) || clock.Now - started > ReadRetryLimit)
                return replies;
            await clock.PauseAsync(ReadRetryPause, cancellation).ConfigureAwait(false);
        }
    }
}
