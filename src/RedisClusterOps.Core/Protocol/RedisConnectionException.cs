using System;
using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>A node could not be reached, or the connection to it broke.</summary>
public sealed class RedisConnectionException : RedisOperationException
{
    internal RedisConnectionException(
        FailureCode code, NodeEndpoint endpoint, string message, bool outcomeUnknown, Exception? innerException = null, string? nextStep = null)
        : base(code, message, endpoint.ToString(), nextStep ?? ServerErrors.NextStepOf(code) ?? "Test-RedisCluster", innerException)
    {
        Endpoint = endpoint;
        OutcomeUnknown = outcomeUnknown;
    }

    /// <summary>The address that was dialled.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>True where a command had been sent and its reply never came: it may or may not have been carried out.</summary>
    public bool OutcomeUnknown { get; }
}
