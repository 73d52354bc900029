using System;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>What nearly every caller wants of a connection: one command, one reply, errors as exceptions.</summary>
internal static class NodeConnectionExtensions
{
    /// <summary>Sends one command and returns its reply, error or not.</summary>
    public static async Task<RespValue> AskAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.SendAsync([command], timeout, cancellation).ConfigureAwait(false))[0];

    /// <summary>Sends one command and returns its reply; an error reply is thrown.</summary>
    /// <exception cref="RedisServerException">The server answered with an error.</exception>
    public static async Task<RespValue> SendAsync(
        this INodeConnection connection, RespCommand command, CancellationToken cancellation, TimeSpan? timeout = null) =>
        (await connection.AskAsync(command, cancellation, timeout).ConfigureAwait(false)).OrThrow(connection.Endpoint, command);

    /// <summary>The reply itself, or its error as an exception with the failure's name.</summary>
    public static RespValue OrThrow(this RespValue reply, NodeEndpoint endpoint, RespCommand command)
    {
        if (!reply.IsError)
            return reply;
        var error = reply.Text;
        var code = ServerErrors.CodeOf(error);
        throw new RedisServerException(code, endpoint, command.ToString(), error, ServerErrors.NextStepOf(code));
    }
}
