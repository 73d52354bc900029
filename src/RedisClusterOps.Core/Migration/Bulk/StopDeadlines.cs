using System;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// What a bulk move may still do after a stop, in time since the request. All of it is over in two seconds, even if a node hangs.
/// </summary>
internal static class StopDeadlines
{
    /// <summary>The batch in hand is aborted.</summary>
    public static readonly TimeSpan Abort = TimeSpan.FromMilliseconds(700);

    /// <summary>
    /// No further keys of open slots are moved. Earlier than <see cref="Abort"/>: after that a node hangs, and moving would hang too.
    /// </summary>
    public static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(600);

    /// <summary>The batch of keys in hand is aborted.</summary>
    public static readonly TimeSpan DrainAbort = TimeSpan.FromMilliseconds(900);

    /// <summary>No further batch of empty slots is handed over.</summary>
    public static readonly TimeSpan HandOver = TimeSpan.FromMilliseconds(1100);

    /// <summary>The batch of slots in hand is aborted.</summary>
    public static readonly TimeSpan HandOverAbort = TimeSpan.FromMilliseconds(1400);

    /// <summary>No node is asked any more who owns the slots.</summary>
    public static readonly TimeSpan Proof = TimeSpan.FromMilliseconds(1650);

    /// <summary>No setting is restored any more.</summary>
    public static readonly TimeSpan Settings = TimeSpan.FromMilliseconds(1850);
}
