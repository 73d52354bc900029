using System;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>A node could not be reached, or the connection to it broke.</summary>
public sealed class RedisConnectionException : RedisOperationException
{
    /// <summary>What is said where nothing better is known.</summary>
    internal static readonly NextAction UsualNext = new(NextActionCode.CheckCluster);

    internal RedisConnectionException(
        FailureCode code, NodeEndpoint endpoint, string message, bool outcomeUnknown, Exception? innerException = null, NextAction? next = null)
        : base(code, message, endpoint.ToString(), next ?? ServerErrors.NextOf(code) ?? UsualNext, innerException)
    {
        Endpoint = endpoint;
        OutcomeUnknown = outcomeUnknown;
    }

    /// <summary>The address that was dialled.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>True where a command had been sent and its reply never came: it may or may not have been carried out.</summary>
    public bool OutcomeUnknown { get; }
}
