using RedisClusterOps.Protocol;

namespace RedisClusterOps;

/// <summary>A node answered a command with an error.</summary>
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

    /// <summary>The error as the server wrote it.</summary>
    public string ServerError { get; }
}
