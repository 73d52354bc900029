using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>What nearly every caller wants of a connection: one command, one reply, errors as exceptions.</summary>
internal static class NodeConnectionExtensions
{
    private static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ReadPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Sends one command and returns its reply, error or not.</summary>
    public static async Task<RespValue> AskAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.SendAsync([command], timeout, cancellation).ConfigureAwait(false))[0];

    /// <summary>Sends one command and returns its reply; an error reply is thrown.</summary>
    /// <exception cref="RedisServerException">The server answered with an error.</exception>
    public static async Task<RespValue> SendAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.AskAsync(command, cancellation, timeout).ConfigureAwait(false)).OrThrow(connection.Endpoint, command);

    /// <summary>How long the network takes: the least of a few round trips, for one may have met a node in the middle of something.</summary>
    public static async Task<TimeSpan> LeastRoundTripAsync(this INodeConnection connection, IClock clock, CancellationToken cancellation)
    {
        var least = TimeSpan.MaxValue;
        for (var i = 0; i < 3; i++)
        {
            var started = clock.Now;
            await connection.AskAsync(RespCommand.Of("PING"), cancellation).ConfigureAwait(false);
            var elapsed = clock.Now - started;
            least = elapsed < least ? elapsed : least;
        }

        return least;
    }

    /// <summary>
    /// Sends commands that only read, and sends them again while the node says that it is not serving just now: a node that was blocked
    /// takes the cluster for down for a moment, until it has heard from the others.
    /// </summary>
    public static async Task<IReadOnlyList<RespValue>> ReadPatientlyAsync(
        this INodeConnection connection, IReadOnlyList<RespCommand> commands, IClock clock, CancellationToken cancellation)
    {
        for (var started = clock.Now; ;)
        {
            var replies = await connection.SendAsync(commands, null, cancellation).ConfigureAwait(false);
            var passing = replies.Any(reply => reply.IsError && (ServerErrors.StartsWith(reply.Text, "CLUSTERDOWN") || ServerErrors.StartsWith(reply.Text, "LOADING")));
            if (!passing || clock.Now - started > ReadPatience)
                return replies;
            await clock.PauseAsync(ReadPause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The reply itself, or its error as an exception with the failure's name.</summary>
    public static RespValue OrThrow(this RespValue reply, NodeEndpoint endpoint, RespCommand command)
    {
        if (!reply.IsError)
            return reply;
        var error = reply.Text;
        var code = ServerErrors.CodeOf(error);
        throw new RedisServerException(code, endpoint, command.ToString(), error, ServerErrors.NextOf(code));
    }
}
