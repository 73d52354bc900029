using System;
using RedisClusterOps.Cluster;

namespace RedisClusterOps;

/// <summary>A failure with a stable code, its subject, and what to do next.</summary>
public class RedisOperationException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">The kind of failure.</param>
    /// <param name="message">What failed, why, and the state of the cluster now.</param>
    /// <param name="subject">The slot, node or endpoint it is about; null if there is none.</param>
    /// <param name="next">What to do next; null if there is nothing to do.</param>
    /// <param name="innerException">The cause.</param>
    public RedisOperationException(
        FailureCode code, string message, string? subject = null, NextAction? next = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Subject = subject;
        Next = next;
    }

    /// <summary>The kind of failure.</summary>
    public FailureCode Code { get; }

    /// <summary>The slot, node or endpoint it is about; null if there is none.</summary>
    public string? Subject { get; }

    /// <summary>What to do next; null if there is nothing to do.</summary>
    public NextAction? Next { get; }

    /// <summary>True if it is about one node of a cluster that can be read, whatever the code.</summary>
    internal bool ConcernsOneNode { get; init; }

    /// <summary>The open slots that are the reason of a refusal; null for any other reason.</summary>
    internal SlotSet? OpenSlots { get; init; }

    /// <summary>Whether the failure affects the whole cluster, and so every other slot.</summary>
    public bool ConcernsWholeCluster => !ConcernsOneNode && Code
        is FailureCode.NoCluster or FailureCode.InvalidConnectionString or FailureCode.ConnectionFailed
        or FailureCode.AuthenticationFailed or FailureCode.NotAClusterNode or FailureCode.ProtocolError
        or FailureCode.JournalBusy or FailureCode.JournalUnavailable or FailureCode.MigrationNotFound or FailureCode.AnotherToolAtWork;
}
