using System;

namespace RedisClusterOps.Console;

/// <summary>What was asked can't be done as it was asked; found after the command line itself was read.</summary>
/// <param name="message">One sentence.</param>
/// <param name="next">The command to run next; null for the command's help.</param>
internal sealed class UsageException(string message, string? next = null, Exception? innerException = null) : Exception(message, innerException)
{
    public string? Next { get; } = next;
}
