using System.Collections.Generic;

namespace RedisClusterOps;

/// <summary>What a repair may touch, and what it may decide.</summary>
public sealed record RepairOptions
{
    /// <summary>Only these slots, 0 to 16383; null for all, which also looks for keys that lie on masters that do not own them.</summary>
    public IReadOnlyCollection<int>? Slots { get; init; }

    /// <summary>
    /// True to go on without a master that does not answer: its slots are given to others, and a migration to it is closed. When it
    /// comes back, it deletes the keys that it still has of slots that were given away.
    /// </summary>
    public bool AllowUnreachableNode { get; init; }

    /// <summary>True to leave slots without an owner alone.</summary>
    public bool SkipCoverage { get; init; }

    /// <summary>The master that shall own a slot where the cluster itself can't tell: id, unique id prefix or <c>host:port</c>; null to be asked.</summary>
    public string? Target { get; init; }
}
