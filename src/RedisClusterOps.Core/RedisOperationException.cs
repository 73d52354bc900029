using System;

namespace RedisClusterOps;

/// <summary>A failure with a stable name, the thing it is about, and the command to run next.</summary>
public class RedisOperationException : Exception
{
    /// <summary>Makes a failure.</summary>
    /// <param name="code">Which failure this is.</param>
    /// <param name="message">One sentence that names the thing.</param>
    /// <param name="subject">The slot, node or endpoint it is about; null where there is none.</param>
    /// <param name="next">What to do next; null if there is nothing to do.</param>
    /// <param name="innerException">What caused it.</param>
    public RedisOperationException(
        FailureCode code, string message, string? subject = null, NextAction? next = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Subject = subject;
        Next = next;
    }

    /// <summary>Which failure this is.</summary>
    public FailureCode Code { get; }

    /// <summary>The slot, node or endpoint it is about; null where there is none.</summary>
    public string? Subject { get; }

    /// <summary>What to do next; null if there is nothing to do.</summary>
    public NextAction? Next { get; }

    /// <summary>True of failures that no other slot of the same cluster could escape.</summary>
    public bool ConcernsWholeCluster => Code
        is FailureCode.NoCluster or FailureCode.InvalidConnectionString or FailureCode.ConnectionFailed
        or FailureCode.AuthenticationFailed or FailureCode.NotAClusterNode or FailureCode.ProtocolError
        or FailureCode.JournalBusy or FailureCode.JournalUnavailable or FailureCode.MigrationNotFound or FailureCode.AnotherToolAtWork;
}
