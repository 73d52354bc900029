using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>A node returned an error reply.</summary>
public sealed class RedisServerException : RedisOperationException
{
    internal RedisServerException(FailureCode code, NodeEndpoint endpoint, string command, string error, NextAction? next = null)
        : base(code, endpoint + " answered " + command + " with: " + Printable.Clean(error), endpoint.ToString(), next)
    {
        Endpoint = endpoint;
        ServerError = error;
    }

    /// <summary>The node that answered.</summary>
    public NodeEndpoint Endpoint { get; }

    /// <summary>The error text of the server.</summary>
    public string ServerError { get; }
}
