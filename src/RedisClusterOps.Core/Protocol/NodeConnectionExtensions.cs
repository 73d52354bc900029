using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Sends one command and returns one reply, with retries if a caller needs them.</summary>
internal static class NodeConnectionExtensions
{
    private static readonly TimeSpan ReadRetryLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ReadRetryPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Sends one command and returns its reply, which may be an error.</summary>
    public static async Task<RespValue> AskAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.SendAsync([command], timeout, cancellation).ConfigureAwait(false))[0];

    /// <summary>Sends one command and returns its reply. An error reply is thrown as an exception.</summary>
    /// <exception cref="RedisServerException">The server answered with an error.</exception>
    public static async Task<RespValue> SendAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.AskAsync(command, cancellation, timeout).ConfigureAwait(false)).OrThrow(connection.Endpoint, command);

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
