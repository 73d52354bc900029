using System;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>A node is unreachable, or the connection to it was lost.</summary>
public sealed class RedisConnectionException : RedisOperationException
{
    /// <summary>The next action if no better one is known.</summary>
    internal static readonly NextAction DefaultNext = new(NextActionCode.CheckCluster);

    internal RedisConnectionException(
        FailureCode code,
        NodeEndpoint endpoint,
        string message,
        bool outcomeUnknown,
        Exception? innerException = null,
        NextAction? next = null)
        : base(code, message, endpoint.ToString(), next ?? ServerErrors.NextOf(code) ?? DefaultNext, innerException)
    {
        Endpoint = endpoint;
        OutcomeUnknown = outcomeUnknown;
    }

    /// <summary>The address that was dialled.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>True if the node answered and closed the connection, as it does in protected mode.</summary>
    internal bool IsRefusal { get; init; }

    /// <summary>True if a command was sent and no reply arrived: it may or may not have been executed.</summary>
    public bool OutcomeUnknown { get; }
}
