using System;
using System.Security.Authentication;

namespace RedisClusterOps.Protocol;

/// <summary>TLS could not be agreed on. The message says what is wrong with the certificate, where it is that.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="next">The command that mends it.</param>
/// <param name="cause">What the framework said.</param>
internal sealed class HandshakeException(string message, NextAction? next, Exception cause) : AuthenticationException(message, cause)
{
    public NextAction? Next { get; } = next;
}
