using System;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>How long a move by the servers is waited for, and how often it may fail. Nothing here bounds a move that goes on.</summary>
internal sealed record AtomicLimits
{
    /// <summary>Attempts of ours: Valkey never tries again by itself, and no server does after a restart.</summary>
    public int Attempts { get; init; } = 3;

    /// <summary>Attempts of one task of Redis, which tries again every second until it is cancelled.</summary>
    public int ServerAttempts { get; init; } = 5;

    /// <summary>For another migration on one of the nodes to end.</summary>
    public TimeSpan Turn { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Without any sign of progress.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For a node that does not answer: a restart and a failover take less.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>For both ends to agree who owns the slots.</summary>
    public TimeSpan Agreement { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>For the source to delete what it gave away, where it does so key by key.</summary>
    public TimeSpan Trim { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For a cancellation to take effect.</summary>
    public TimeSpan Cancel { get; init; } = TimeSpan.FromSeconds(5);
}
